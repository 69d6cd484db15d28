using System.Runtime.InteropServices;
using MedSegDsl.Kernels;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Distributed.Mpi;

/// <summary>
/// The part of MPI that trainings need, called in Open MPI's library itself: its handles are the addresses of variables that
/// the library exports (ompi_mpi_comm_world and so on), the same in its versions 3 to 5.
/// </summary>
internal sealed unsafe class OpenMpi
{
    private const int FunneledThreads = 1;
    private const int ErrorText = 256;

    private static readonly nint InPlace = 1;

    private readonly nint world, sum, bytes;
    private readonly Dictionary<ScalarType, (nint Handle, int Bytes)> types;
    private readonly delegate* unmanaged<int*, byte***, int, int*, int> initThread;
    private readonly delegate* unmanaged<nint, nint, int> setErrorHandler;
    private readonly delegate* unmanaged<nint, int*, int> rankOf, sizeOf;
    private readonly delegate* unmanaged<nint, nint, int, nint, nint, nint, int> allReduce;
    private readonly delegate* unmanaged<nint, int, nint, nint, int, nint, nint, int> allGather;
    private readonly delegate* unmanaged<nint, int, nint, int, nint, int> broadcast;
    private readonly delegate* unmanaged<int> finalize;
    private readonly delegate* unmanaged<int, byte*, int*, int> errorString;

    private OpenMpi(nint library)
    {
        nint Entry(string name) => NativeLibrary.GetExport(library, name);

        world = Entry("ompi_mpi_comm_world");
        sum = Entry("ompi_mpi_op_sum");
        bytes = Entry("ompi_mpi_byte");
        types = new()
        {
            [ScalarType.Float32] = (Entry("ompi_mpi_float"), 4),
            [ScalarType.Float64] = (Entry("ompi_mpi_double"), 8),
            [ScalarType.Int64] = (Entry("ompi_mpi_int64_t"), 8),
        };
        initThread = (delegate* unmanaged<int*, byte***, int, int*, int>)Entry("MPI_Init_thread");
        setErrorHandler = (delegate* unmanaged<nint, nint, int>)Entry("MPI_Comm_set_errhandler");
        rankOf = (delegate* unmanaged<nint, int*, int>)Entry("MPI_Comm_rank");
        sizeOf = (delegate* unmanaged<nint, int*, int>)Entry("MPI_Comm_size");
        allReduce = (delegate* unmanaged<nint, nint, int, nint, nint, nint, int>)Entry("MPI_Allreduce");
        allGather = (delegate* unmanaged<nint, int, nint, nint, int, nint, nint, int>)Entry("MPI_Allgather");
        broadcast = (delegate* unmanaged<nint, int, nint, int, nint, int>)Entry("MPI_Bcast");
        finalize = (delegate* unmanaged<int>)Entry("MPI_Finalize");
        errorString = (delegate* unmanaged<int, byte*, int*, int>)Entry("MPI_Error_string");

        int provided;
        Check(initThread(null, null, FunneledThreads, &provided), "MPI_Init_thread");
        Check(setErrorHandler(world, Entry("ompi_mpi_errors_return")), "MPI_Comm_set_errhandler");
        int value;
        Check(rankOf(world, &value), "MPI_Comm_rank");
        Rank = value;
        Check(sizeOf(world, &value), "MPI_Comm_size");
        Size = value;
    }

    /// <summary>This process's rank.</summary>
    public int Rank { get; }

    /// <summary>The number of ranks.</summary>
    public int Size { get; }

    /// <summary>Loads the library and begins; every later call comes from the same thread.</summary>
    /// <exception cref="UserException">Open MPI is not installed.</exception>
    public static OpenMpi Start()
    {
        // Its plug-ins look for the library's own symbols among the global ones.
        foreach (var name in new[] { "libmpi.so.40", "libmpi.so" })
        {
            if (DynamicLinker.Open(name, global: true, out _) is not 0 and var library)
                return NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out _)
                    ? new OpenMpi(library)
                    : throw new UserException($"{name} is not Open MPI's: several processes on CPUs need Open MPI (Debian: openmpi-bin)");
        }

        throw new UserException("several processes on CPUs need Open MPI, and libmpi.so.40 is not there: install it (Debian: openmpi-bin)");
    }

    /// <summary>Whether sums of a type can be made.</summary>
    public bool Sums(ScalarType type) => types.ContainsKey(type);

    /// <summary>Sums over all ranks, in place.</summary>
    /// <param name="memory">The numbers.</param>
    /// <param name="count">How many.</param>
    /// <param name="type">Float32, Float64 or Int64.</param>
    public void Sum(nint memory, long count, ScalarType type)
    {
        var (handle, size) = types[type];
        foreach (var (offset, length) in Pieces(count))
            Check(allReduce(InPlace, memory + (nint)(offset * size), length, handle, sum, world), "MPI_Allreduce");
    }

    /// <summary>Bytes of rank 0 to all ranks.</summary>
    public void Broadcast(nint memory, long count)
    {
        foreach (var (offset, length) in Pieces(count))
            Check(broadcast(memory + (nint)offset, length, bytes, 0, world), "MPI_Bcast");
    }

    /// <summary>As many bytes from each rank, one after the other.</summary>
    public byte[] Gather(ReadOnlySpan<byte> own)
    {
        var all = new byte[own.Length * Size];
        fixed (byte* from = own, to = all)
        {
            if (own.Length > 0)
                Check(allGather((nint)from, own.Length, bytes, (nint)to, own.Length, bytes, world), "MPI_Allgather");
        }

        return all;
    }

    /// <summary>Ends MPI, on all ranks together.</summary>
    public void Close() => Check(finalize(), "MPI_Finalize");

    /// <summary>MPI counts in 32 bits.</summary>
    private static IEnumerable<(long Offset, int Length)> Pieces(long count)
    {
        const int most = 1 << 30;
        for (var offset = 0L; offset < count; offset += most)
            yield return (offset, (int)Math.Min(most, count - offset));
    }

    private void Check(int result, string call)
    {
        if (result == 0)
            return;
        var text = stackalloc byte[ErrorText];
        int length;
        var words = errorString(result, text, &length) == 0 ? Marshal.PtrToStringUTF8((nint)text, length) : $"error {result}";
        throw new IOException($"{call}: {words}");
    }
}
