using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The closed list of classes and functions that a checkpoint's pickle may name. Those of torch are in the list of
/// torch.load(weights_only=True) (pytorch/pytorch, torch/_weights_only_unpickler.py); the others appear in nnU-Net's
/// checkpoints and are kept as data.
/// </summary>
internal static class PickleGlobals
{
    private static readonly Dictionary<string, string> PythonTwoModules = new()
    {
        ["__builtin__"] = "builtins",
        ["copy_reg"] = "copyreg",
    };

    private static readonly Dictionary<string, ScalarType> Storages = new()
    {
        ["DoubleStorage"] = ScalarType.Float64,
        ["FloatStorage"] = ScalarType.Float32,
        ["HalfStorage"] = ScalarType.Float16,
        ["BFloat16Storage"] = ScalarType.BFloat16,
        ["LongStorage"] = ScalarType.Int64,
        ["IntStorage"] = ScalarType.Int32,
        ["ShortStorage"] = ScalarType.Int16,
        ["CharStorage"] = ScalarType.Int8,
        ["ByteStorage"] = ScalarType.Byte,
        ["BoolStorage"] = ScalarType.Bool,
    };

    private static readonly Dictionary<string, ScalarType> ElementTypes = new()
    {
        ["float64"] = ScalarType.Float64,
        ["float32"] = ScalarType.Float32,
        ["float16"] = ScalarType.Float16,
        ["bfloat16"] = ScalarType.BFloat16,
        ["int64"] = ScalarType.Int64,
        ["int32"] = ScalarType.Int32,
        ["int16"] = ScalarType.Int16,
        ["int8"] = ScalarType.Int8,
        ["uint8"] = ScalarType.Byte,
        ["bool"] = ScalarType.Bool,
    };

    private static readonly Dictionary<string, PickleGlobal> Known = Everything().ToDictionary(global => global.ToString());

    /// <summary>The global of a module and name, or null where it is not in the list.</summary>
    public static PickleGlobal? Find(string module, string name) =>
        Known.GetValueOrDefault($"{PythonTwoModules.GetValueOrDefault(module, module)}.{name}");

    /// <summary>The element type of a class of storages; null for storages without one.</summary>
    public static ScalarType? StorageType(PickleGlobal global) =>
        global.Module == "torch" && Storages.TryGetValue(global.Name, out var type) ? type : null;

    /// <summary>Whether the global is a class of storages.</summary>
    public static bool IsStorage(PickleGlobal global) =>
        StorageType(global) is not null || global is { Module: "torch.storage" };

    /// <summary>The element type that the global is, or null.</summary>
    public static ScalarType? ElementType(object? value) =>
        value is PickleGlobal { Module: "torch" } global && ElementTypes.TryGetValue(global.Name, out var type) ? type : null;

    /// <summary>The class of storages of an element type, for writing.</summary>
    /// <exception cref="ModelException">PyTorch's storages have no such type here.</exception>
    public static string StorageOf(ScalarType type, string tensor) =>
        Storages.FirstOrDefault(storage => storage.Value == type).Key
        ?? throw new ModelException($"{tensor}: tensors of type {type} are not written to PyTorch files");

    private static IEnumerable<PickleGlobal> Everything()
    {
        foreach (var name in new[] { "OrderedDict", "defaultdict", "Counter" })
        {
            yield return new("collections", name, GlobalKind.Dictionary);
        }

        yield return new("builtins", "set", GlobalKind.Set);
        yield return new("builtins", "frozenset", GlobalKind.Set);
        yield return new("torch", "Size", GlobalKind.Tuple);
        yield return new("_codecs", "encode", GlobalKind.Bytes);
        yield return new("torch._utils", "_rebuild_tensor", GlobalKind.Tensor);
        yield return new("torch._utils", "_rebuild_tensor_v2", GlobalKind.Tensor);
        yield return new("torch._utils", "_rebuild_tensor_v3", GlobalKind.TypedTensor);
        yield return new("torch._utils", "_rebuild_parameter", GlobalKind.Parameter);
        yield return new("torch._utils", "_rebuild_parameter_with_state", GlobalKind.Parameter);
        foreach (var name in Storages.Keys.Concat(ElementTypes.Keys))
        {
            yield return new("torch", name, GlobalKind.Name);
        }

        yield return new("torch.storage", "UntypedStorage", GlobalKind.Name);

        // The types that a defaultdict may hold as the maker of its values.
        foreach (var name in new[] { "int", "float", "bool", "str", "list", "dict" })
        {
            yield return new("builtins", name, GlobalKind.Name);
        }

        foreach (var name in new[] { "bytearray", "complex", "slice", "range" })
        {
            yield return new("builtins", name, GlobalKind.Plain);
        }

        foreach (var module in new[] { "numpy.core.multiarray", "numpy._core.multiarray" })
        {
            yield return new(module, "scalar", GlobalKind.Plain);
            yield return new(module, "_reconstruct", GlobalKind.Plain);
        }

        foreach (var module in new[] { "numpy.core.numeric", "numpy._core.numeric" })
        {
            yield return new(module, "_frombuffer", GlobalKind.Plain);
        }

        yield return new("numpy", "dtype", GlobalKind.Plain);
        yield return new("numpy", "ndarray", GlobalKind.Plain);
        yield return new("torch", "device", GlobalKind.Plain);
        yield return new("torch.serialization", "_get_layout", GlobalKind.Plain);
        yield return new("pathlib", "PosixPath", GlobalKind.Plain);
        yield return new("pathlib", "PurePosixPath", GlobalKind.Plain);
    }
}
