using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>NVIDIA's library of collective operations: the calls that every version since 2.4 has (nccl.h).</summary>
internal sealed unsafe class NcclLibrary
{
    /// <summary>What a call gives where nothing is wrong.</summary>
    private const int Success = 0;

    private static readonly Lazy<NcclLibrary> Found = new(Load);

    private readonly delegate* unmanaged<Id*, int> getUniqueId;
    private readonly delegate* unmanaged<nint*, int, Id, int, int> commInitRank;
    private readonly delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int> allReduce;
    private readonly delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int> broadcast;
    private readonly delegate* unmanaged<nint, int> commDestroy, commAbort;
    private readonly delegate* unmanaged<int, byte*> errorString;

    private NcclLibrary(nint library)
    {
        nint Entry(string name) => NativeLibrary.GetExport(library, name);

        getUniqueId = (delegate* unmanaged<Id*, int>)Entry("ncclGetUniqueId");
        commInitRank = (delegate* unmanaged<nint*, int, Id, int, int>)Entry("ncclCommInitRank");
        allReduce = (delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)Entry("ncclAllReduce");
        broadcast = (delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)Entry("ncclBroadcast");
        commDestroy = (delegate* unmanaged<nint, int>)Entry("ncclCommDestroy");
        commAbort = (delegate* unmanaged<nint, int>)Entry("ncclCommAbort");
        errorString = (delegate* unmanaged<int, byte*>)Entry("ncclGetErrorString");
    }

    /// <summary>The library of this process.</summary>
    /// <exception cref="CudaException">There is none; the message says where it was looked for.</exception>
    public static NcclLibrary Instance => Found.Value;

    /// <summary>A new group's name, for all its members.</summary>
    public Id NewId()
    {
        Id id;
        Check(getUniqueId(&id), "ncclGetUniqueId");
        return id;
    }

    /// <summary>Joins a group with the current device; returns when all members have.</summary>
    public nint Join(Id id, int rank, int size)
    {
        nint group;
        Check(commInitRank(&group, size, id, rank), "ncclCommInitRank");
        return group;
    }

    /// <summary>Gives a stream the sum over all members, in place.</summary>
    public void Sum(nint group, nint memory, long count, ScalarType type, nint stream) =>
        Check(allReduce(memory, memory, (nuint)count, Number(type), 0, group, stream), "ncclAllReduce");

    /// <summary>Gives a stream the copy of rank 0's bytes.</summary>
    public void Broadcast(nint group, nint memory, long bytes, nint stream) =>
        Check(broadcast(memory, memory, (nuint)bytes, 0, 0, group, stream), "ncclBroadcast");

    /// <summary>Leaves a group whose work is done.</summary>
    public void Leave(nint group) => Check(commDestroy(group), "ncclCommDestroy");

    /// <summary>Leaves a group whose members have failed: what is under way on the device ends, its results undefined.</summary>
    public void Abort(nint group) => commAbort(group);

    private static int Number(ScalarType type) => type switch
    {
        ScalarType.Int64 => 4,
        ScalarType.Float32 => 7,
        ScalarType.Float64 => 8,
        _ => throw new ArgumentException($"sums of {type} are not made", nameof(type)),
    };

    private void Check(int result, string call)
    {
        if (result != Success)
            throw new CudaException($"{call}: {Marshal.PtrToStringUTF8((nint)errorString(result))} ({result}); NCCL_DEBUG=WARN makes it say more");
    }

    // PyTorch's libtorch has loaded it already; else it lies beside libtorch or among Python's packages, or the system has it.
    private static NcclLibrary Load()
    {
        const string name = "libnccl.so.2";
        var libtorch = NativeLibtorch.Load().Folder;
        string[] candidates =
        [
            name,
            Path.Combine(libtorch, name),
            Path.GetFullPath(Path.Combine(libtorch, "..", "..", "nvidia", "nccl", "lib", name)),
            "/usr/local/cuda/lib64/" + name,
        ];
        foreach (var candidate in candidates)
        {
            if (NativeLibrary.TryLoad(candidate, out var library))
            {
                return new NcclLibrary(library);
            }
        }
        throw new CudaException(
            "Several GPUs need NCCL, and it was not found: it comes with PyTorch (MEDSEG_LIBTORCH), or install libnccl2. "
            + $"Looked for: {string.Join(", ", candidates)}");
    }

    /// <summary>A group's name, ncclUniqueId: passed by value.</summary>
    [InlineArray(Length)]
    internal struct Id
    {
        /// <summary>Its bytes.</summary>
        public const int Length = 128;

        private byte first;
    }
}
