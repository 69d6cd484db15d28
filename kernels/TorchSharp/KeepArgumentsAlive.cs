using System.Collections.Generic;
using System.Linq;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;
using Mono.Cecil;
using Mono.Cecil.Cil;

/// <summary>
/// A step of the build that writes a copy of TorchSharp.dll in which every method that calls libtorch keeps its arguments
/// alive until it returns. TorchSharp 0.107 reads a tensor's or a scalar's address and then calls libtorch with it, without
/// GC.KeepAlive: an object that nothing else holds, such as the number in <c>x + 1e-5</c> or the factor 1 hidden in
/// <c>x + y</c>, may be finalized, and its memory freed, while libtorch still reads it. Under memory pressure and many
/// threads that was one failure in seventy network tests, and sometimes the end of the process.
/// </summary>
public sealed class KeepArgumentsAlive : Task
{
    private const string HandleGetter = "get_Handle";

    // What is added may put a branch's target out of a short branch's reach.
    private static readonly Dictionary<OpCode, OpCode> LongBranches = new Dictionary<OpCode, OpCode>
    {
        [OpCodes.Br_S] = OpCodes.Br,
        [OpCodes.Brfalse_S] = OpCodes.Brfalse,
        [OpCodes.Brtrue_S] = OpCodes.Brtrue,
        [OpCodes.Beq_S] = OpCodes.Beq,
        [OpCodes.Bge_S] = OpCodes.Bge,
        [OpCodes.Bgt_S] = OpCodes.Bgt,
        [OpCodes.Ble_S] = OpCodes.Ble,
        [OpCodes.Blt_S] = OpCodes.Blt,
        [OpCodes.Bne_Un_S] = OpCodes.Bne_Un,
        [OpCodes.Bge_Un_S] = OpCodes.Bge_Un,
        [OpCodes.Bgt_Un_S] = OpCodes.Bgt_Un,
        [OpCodes.Ble_Un_S] = OpCodes.Ble_Un,
        [OpCodes.Blt_Un_S] = OpCodes.Blt_Un,
        [OpCodes.Leave_S] = OpCodes.Leave,
    };

    /// <summary>TorchSharp.dll as its package has it.</summary>
    [Required]
    public string Source { get; set; }

    /// <summary>Where the copy goes.</summary>
    [Required]
    public string Target { get; set; }

    /// <inheritdoc/>
    public override bool Execute()
    {
        using (var assembly = AssemblyDefinition.ReadAssembly(Source))
        {
            var module = assembly.MainModule;
            var corlib = module.AssemblyReferences.First(reference => reference.Name == "System.Runtime" || reference.Name == "netstandard");
            var collector = new TypeReference("System", "GC", module, corlib);
            var keepAlive = new MethodReference("KeepAlive", module.TypeSystem.Void, collector);
            keepAlive.Parameters.Add(new ParameterDefinition(module.TypeSystem.Object));
            var methods = module.GetTypes().SelectMany(type => type.Methods).Where(CallsNativeCode).ToList();
            foreach (var method in methods)
                Weave(method, keepAlive);
            assembly.Write(Target);
            Log.LogMessage(MessageImportance.Normal, "{0} methods of TorchSharp keep their arguments alive", methods.Count);
            if (methods.Count == 0)
                Log.LogError("no method of {0} calls native code: this is not the TorchSharp that the build knows", Source);
        }

        return !Log.HasLoggedErrors;
    }

    private static bool CallsNativeCode(MethodDefinition method) =>
        method.HasBody && method.Body.Instructions.Any(instruction =>
            instruction.OpCode == OpCodes.Call && instruction.Operand is MethodDefinition called && called.IsPInvokeImpl);

    private static void Weave(MethodDefinition method, MethodReference keepAlive)
    {
        var body = method.Body;
        foreach (var branch in body.Instructions.Where(instruction => LongBranches.ContainsKey(instruction.OpCode)))
            branch.OpCode = LongBranches[branch.OpCode];
        var kept = Receivers(body).ToList();
        foreach (var end in body.Instructions.Where(instruction => instruction.OpCode == OpCodes.Ret).ToList())
        {
            var loads = Arguments(method).Concat(kept.Select(local => Instruction.Create(OpCodes.Ldloc, local))).ToList();
            if (loads.Count == 0)
                continue;
            var added = loads.SelectMany(load => new[] { load, Instruction.Create(OpCodes.Call, keepAlive) }).ToList();
            added.Add(Instruction.Create(OpCodes.Ret));

            // Branches that led to the return lead to what comes before it now.
            (end.OpCode, end.Operand) = (added[0].OpCode, added[0].Operand);
            var last = end;
            foreach (var instruction in added.Skip(1))
            {
                body.GetILProcessor().InsertAfter(last, instruction);
                last = instruction;
            }
        }
    }

    /// <summary>Puts every object whose address is read into a local variable of its own.</summary>
    private static IEnumerable<VariableDefinition> Receivers(MethodBody body)
    {
        foreach (var read in body.Instructions.Where(ReadsHandle).ToList())
        {
            var local = new VariableDefinition(((MethodReference)read.Operand).DeclaringType);
            body.Variables.Add(local);
            body.InitLocals = true;
            var il = body.GetILProcessor();
            var (code, operand) = (read.OpCode, read.Operand);
            (read.OpCode, read.Operand) = (OpCodes.Dup, null);
            var store = Instruction.Create(OpCodes.Stloc, local);
            il.InsertAfter(read, store);
            il.InsertAfter(store, Instruction.Create(code, (MethodReference)operand));
            yield return local;
        }
    }

    private static bool ReadsHandle(Instruction instruction) =>
        (instruction.OpCode == OpCodes.Call || instruction.OpCode == OpCodes.Callvirt)
        && instruction.Operand is MethodReference { Name: HandleGetter, HasThis: true } called
        && !called.DeclaringType.IsValueType;

    private static IEnumerable<Instruction> Arguments(MethodDefinition method)
    {
        if (method.HasThis && !method.DeclaringType.IsValueType)
            yield return Instruction.Create(OpCodes.Ldarg, method.Body.ThisParameter);
        foreach (var parameter in method.Parameters.Where(parameter => IsObject(parameter.ParameterType)))
            yield return Instruction.Create(OpCodes.Ldarg, parameter);
    }

    private static bool IsObject(TypeReference type) =>
        !type.IsValueType && !type.IsByReference && !type.IsPointer && !type.IsGenericParameter;
}
