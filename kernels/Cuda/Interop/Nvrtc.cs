using System.Runtime.InteropServices;
using System.Text;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>CUDA's runtime compiler, which comes with every CUDA libtorch.</summary>
internal sealed unsafe class Nvrtc
{
    private static readonly Lazy<Nvrtc> Found = new(Load);

    private readonly delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int> createProgram;
    private readonly delegate* unmanaged<nint, int, byte**, int> compileProgram;
    private readonly delegate* unmanaged<nint*, int> destroyProgram;
    private readonly delegate* unmanaged<nint, nuint*, int> logSize, cubinSize, ptxSize;
    private readonly delegate* unmanaged<nint, byte*, int> log, cubin, ptx;
    private readonly delegate* unmanaged<int, byte*> errorString;

    private Nvrtc(nint library)
    {
        nint Entry(string name) => NativeLibrary.GetExport(library, name);

        createProgram = (delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int>)Entry("nvrtcCreateProgram");
        compileProgram = (delegate* unmanaged<nint, int, byte**, int>)Entry("nvrtcCompileProgram");
        destroyProgram = (delegate* unmanaged<nint*, int>)Entry("nvrtcDestroyProgram");
        logSize = (delegate* unmanaged<nint, nuint*, int>)Entry("nvrtcGetProgramLogSize");
        cubinSize = (delegate* unmanaged<nint, nuint*, int>)Entry("nvrtcGetCUBINSize");
        ptxSize = (delegate* unmanaged<nint, nuint*, int>)Entry("nvrtcGetPTXSize");
        log = (delegate* unmanaged<nint, byte*, int>)Entry("nvrtcGetProgramLog");
        cubin = (delegate* unmanaged<nint, byte*, int>)Entry("nvrtcGetCUBIN");
        ptx = (delegate* unmanaged<nint, byte*, int>)Entry("nvrtcGetPTX");
        errorString = (delegate* unmanaged<int, byte*>)Entry("nvrtcGetErrorString");

        int major, minor;
        Check(((delegate* unmanaged<int*, int*, int>)Entry("nvrtcVersion"))(&major, &minor), "nvrtcVersion");
        Version = $"{major}.{minor}";

        int count;
        Check(((delegate* unmanaged<int*, int>)Entry("nvrtcGetNumSupportedArchs"))(&count), "nvrtcGetNumSupportedArchs");
        var architectures = new int[count];
        fixed (int* first = architectures)
        {
            Check(((delegate* unmanaged<int*, int>)Entry("nvrtcGetSupportedArchs"))(first), "nvrtcGetSupportedArchs");
        }
        Architectures = architectures;
    }

    /// <summary>The compiler of this process.</summary>
    /// <exception cref="CudaException">There is none; the message says where it was looked for.</exception>
    public static Nvrtc Instance => Found.Value;

    /// <summary>Its version, such as 13.0.</summary>
    public string Version { get; }

    /// <summary>The architectures that it compiles for, 90 for sm_90.</summary>
    public IReadOnlyList<int> Architectures { get; }

    /// <summary>Compiles a source to a cubin where the options name a real architecture (sm_), else to PTX.</summary>
    /// <exception cref="KernelCompilationException">It does not compile.</exception>
    public byte[] Compile(KernelSource source, IReadOnlyList<string> options)
    {
        nint program;
        var texts = source.Headers.Select(header => Utf8(header.Text)).ToArray();
        var names = source.Headers.Select(header => Utf8(header.Name)).ToArray();
        var given = options.Select(Utf8).ToArray();
        using var headerTexts = new Pinned(texts);
        using var headerNames = new Pinned(names);
        using var optionTexts = new Pinned(given);
        fixed (byte* text = Utf8(source.Text), name = Utf8(source.Name))
        {
            Check(createProgram(&program, text, name, texts.Length, headerTexts.Pointers, headerNames.Pointers), "nvrtcCreateProgram");
        }
        try
        {
            var result = compileProgram(program, given.Length, optionTexts.Pointers);
            if (result != 0)
            {
                var message = Encoding.UTF8.GetString(Result(program, logSize, log)).TrimEnd('\0', '\n');
                throw new KernelCompilationException(source.Name, options, message.Length > 0 ? message : Describe(result));
            }
            return options.Any(option => option.Contains("=sm_", StringComparison.Ordinal))
                ? Result(program, cubinSize, cubin)
                : Result(program, ptxSize, ptx);
        }
        finally
        {
            destroyProgram(&program);
        }
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text + '\0');

    private byte[] Result(nint program, delegate* unmanaged<nint, nuint*, int> size, delegate* unmanaged<nint, byte*, int> read)
    {
        nuint length;
        Check(size(program, &length), "nvrtc's size of a result");
        var bytes = new byte[length];
        fixed (byte* data = bytes)
        {
            Check(read(program, data), "nvrtc's result");
        }
        return bytes;
    }

    private void Check(int result, string call)
    {
        if (result != 0)
        {
            throw new CudaException($"{call}: {Describe(result)}");
        }
    }

    private string Describe(int result) => Marshal.PtrToStringUTF8((nint)errorString(result)) ?? $"error {result}";

    private static Nvrtc Load()
    {
        var candidates = Candidates(NativeLibtorch.Load().Folder).Distinct().ToList();
        foreach (var candidate in candidates)
        {
            if (NativeLibrary.TryLoad(candidate, out var library))
            {
                return new Nvrtc(library);
            }
        }
        throw new CudaException(
            "No NVRTC found, which compiles the kernels for the GPU. It comes with CUDA's libtorch (PyTorch's packages, "
            + $"the libtorch-cuda packages) and with the CUDA toolkit. Looked for: {string.Join(", ", candidates)}");
    }

    // Beside libtorch, in the packages beside PyTorch (site-packages/nvidia/*/lib), then wherever the system finds it.
    private static IEnumerable<string> Candidates(string libtorch)
    {
        var packages = Path.Combine(libtorch, "..", "..", "nvidia");
        var folders = new[] { libtorch }
            .Concat(Directory.Exists(packages) ? Directory.EnumerateDirectories(packages).Select(folder => Path.Combine(folder, "lib")) : [])
            .Append("/usr/local/cuda/lib64")
            .Where(Directory.Exists);
        var files = folders
            .SelectMany(folder => Directory.EnumerateFiles(folder, "libnvrtc*.so*").Order(StringComparer.Ordinal).Reverse())
            .Where(file => !Path.GetFileName(file).Contains("builtins", StringComparison.Ordinal) && !file.Contains(".alt.", StringComparison.Ordinal))
            .Select(Path.GetFullPath);
        return files.Concat(["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so"]);
    }

    /// <summary>Byte arrays that do not move, as an array of pointers.</summary>
    private sealed class Pinned : IDisposable
    {
        private readonly List<GCHandle> handles = [];

        public Pinned(byte[][] arrays)
        {
            Pointers = (byte**)NativeMemory.Alloc((nuint)(Math.Max(1, arrays.Length) * sizeof(byte*)));
            for (var i = 0; i < arrays.Length; i++)
            {
                handles.Add(GCHandle.Alloc(arrays[i], GCHandleType.Pinned));
                Pointers[i] = (byte*)handles[i].AddrOfPinnedObject();
            }
        }

        public byte** Pointers { get; }

        public void Dispose()
        {
            handles.ForEach(handle => handle.Free());
            NativeMemory.Free(Pointers);
        }
    }
}
