using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training;

/// <summary>From an experiment's device and precision to what is there.</summary>
public static class TrainingDevice
{
    /// <summary>The device of an experiment.</summary>
    /// <exception cref="UserException">A GPU is asked for that is not there.</exception>
    public static TorchSharp.torch.Device Resolve(MedSegDsl.Device device) => device switch
    {
        { IsCpu: true } => CPU,
        MedSegDsl.Device.Cuda cuda => Gpu(cuda.index),
        _ => cuda.is_available() ? device_(0) : CPU,
    };

    /// <summary>Refuses what is not there yet.</summary>
    /// <exception cref="UserException">Another precision than float32.</exception>
    public static void Check(Precision precision)
    {
        if (!precision.IsFloat32)
            throw new UserException(
                $"precision {precision} is not available yet: set the experiment's precision to Float32");
    }

    /// <summary>Lets libtorch use every core that the process may use; its own guess counts physical cores of the whole
    /// machine. OMP_NUM_THREADS has the last word.</summary>
    public static void UseAllCores()
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("OMP_NUM_THREADS")))
            set_num_threads(Environment.ProcessorCount);
    }

    /// <summary><c>CPU, 2 threads</c> or <c>GPU 0</c>.</summary>
    public static string Describe(TorchSharp.torch.Device device) => device.type == TorchSharp.DeviceType.CUDA
        ? $"GPU {Math.Max(device.index, 0)}"
        : $"CPU, {get_num_threads()} threads";

    private static TorchSharp.torch.Device Gpu(int index)
    {
        var count = cuda.is_available() ? cuda.device_count() : 0;
        return index < count
            ? device_(index)
            : throw new UserException(
                $"GPU {index} is not there: libtorch sees {count}; choose another device, or Automatic");
    }

    private static TorchSharp.torch.Device device_(int index) => new(TorchSharp.DeviceType.CUDA, index);
}
