using System.Collections.Concurrent;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>A GPU: its primary context and the modules that were compiled for it.</summary>
internal sealed class CudaDevice
{
    private static readonly ConcurrentDictionary<int, CudaDevice> Devices = new();

    private readonly nint context;
    private readonly int architecture;
    private readonly ConcurrentDictionary<(string Source, string Constants), Lazy<nint>> modules = new();

    private CudaDevice(int index)
    {
        Index = index;
        context = CudaDriver.PrimaryContext(index);
        architecture = 10 * CudaDriver.Attribute(index, DeviceAttribute.CapabilityMajor)
            + CudaDriver.Attribute(index, DeviceAttribute.CapabilityMinor);
        SharedMemory = CudaDriver.Attribute(index, DeviceAttribute.SharedMemoryPerBlock);
        if (architecture < 70)
        {
            throw new CudaException($"GPU {index} has compute capability {architecture / 10}.{architecture % 10}; the kernels need 7.0.");
        }
    }

    /// <summary>The device's number.</summary>
    public int Index { get; }

    /// <summary>The most shared memory that a block can have, in bytes.</summary>
    public int SharedMemory { get; }

    /// <summary>The device that a tensor is on.</summary>
    public static CudaDevice Of(Tensor tensor) => At(tensor.device_index);

    /// <summary>The device of a number.</summary>
    public static CudaDevice At(int index) => Devices.GetOrAdd(index, static number => new CudaDevice(number));

    /// <summary>Makes this device's context the calling thread's until the result is disposed.</summary>
    public Entered Enter()
    {
        var previous = CudaDriver.CurrentContext;
        if (previous != context)
        {
            CudaDriver.CurrentContext = context;
        }
        return new Entered(previous, previous != context);
    }

    /// <summary>A kernel of a source, compiled at first use with these constants.</summary>
    /// <exception cref="KernelCompilationException">It does not compile; the message holds the compiler's log.</exception>
    public Kernel Kernel(string source, string name, IEnumerable<(string Name, int Value)> constants)
    {
        using var entered = Enter();
        var definitions = string.Join(' ', constants.Select(constant => $"-D{constant.Name}={constant.Value}"));
        var module = modules.GetOrAdd((source, definitions), key => new Lazy<nint>(() => Load(key.Source, key.Constants))).Value;
        return new Kernel(this, CudaDriver.Function(module, name), name);
    }

    /// <summary>Loads a source's module: from the cache on disk, or compiled anew where it is not there or damaged.</summary>
    public nint Load(string name, string definitions)
    {
        var source = KernelSource.Find(name);
        // The architecture itself, else (a card newer than the compiler) PTX of the newest one before it.
        var known = Nvrtc.Instance.Architectures.Where(candidate => candidate <= architecture).DefaultIfEmpty(architecture).Max();
        string[] options =
        [
            $"--gpu-architecture={(known == architecture ? "sm" : "compute")}_{known}", "--std=c++17", .. definitions.Split(' '),
        ];
        var file = CubinCache.FileFor(
        [
            source.Name, source.Text, .. source.Headers.Select(header => header.Text), .. options,
            Nvrtc.Instance.Version, $"{CudaDriver.Version}",
        ]);
        var kept = CubinCache.Read(file);
        if (kept is not null)
        {
            var module = CudaDriver.TryLoadModule(kept, out _);
            if (module != 0)
            {
                return module;
            }
        }
        var image = Nvrtc.Instance.Compile(source, options);
        var loaded = CudaDriver.TryLoadModule(image, out var error);
        if (loaded == 0)
        {
            throw new CudaException($"The driver does not load {name} compiled with {string.Join(' ', options)}: {error}");
        }
        CubinCache.Write(file, image);
        return loaded;
    }

    /// <summary>Puts the calling thread's former context back.</summary>
    public readonly struct Entered(nint previous, bool changed) : IDisposable
    {
        /// <inheritdoc/>
        public void Dispose()
        {
            if (changed)
            {
                CudaDriver.CurrentContext = previous;
            }
        }
    }
}
