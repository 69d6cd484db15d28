using MedSegDsl.Kernels;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training;

/// <summary>From an experiment's device to what is there.</summary>
public static class TrainingDevice
{
    /// <summary>The device of an experiment. On a GPU, products of float32 then run in TF32.</summary>
    /// <param name="device">The experiment's device; of several processes the first one's.</param>
    /// <param name="localRank">This process among those of the training on this machine: each has a GPU of its own, unless the
    /// program that started them shows each process but one.</param>
    /// <exception cref="UserException">A GPU is asked for that is not there.</exception>
    public static TorchSharp.torch.Device Resolve(MedSegDsl.Device device, int localRank = 0) => device switch
    {
        { IsCpu: true } => CPU,
        MedSegDsl.Device.Cuda cuda => Gpu(cuda.index + OwnGpu(localRank)),
        _ => cuda.is_available() ? Gpu(OwnGpu(localRank)) : CPU,
    };

    /// <summary>
    /// Lets a GPU's tensor cores take float32 products in TF32, 10 bits of each factor and sums in float32: what PyTorch does
    /// for convolutions unless told otherwise, here for matrix products as well. Convolutions are the fastest that cuDNN has, as
    /// timed at the first call of each shape.
    /// </summary>
    public static void UseTensorCores()
    {
        CudnnChoice.ByTiming();
        backends.cuda.matmul.allow_tf32 = true;
        backends.cudnn.allow_tf32 = true;
    }

    /// <summary>Lets libtorch use every core that the process may use; its own guess counts physical cores of the whole
    /// machine. OMP_NUM_THREADS has the last word.</summary>
    /// <param name="processes">The processes of the training that share these cores.</param>
    public static void UseAllCores(int processes = 1)
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("OMP_NUM_THREADS")))
            set_num_threads(Math.Max(1, Environment.ProcessorCount / processes));
    }

    /// <summary><c>CPU, 2 threads</c> or <c>GPU 0</c>.</summary>
    public static string Describe(TorchSharp.torch.Device device) => device.type == TorchSharp.DeviceType.CUDA
        ? $"GPU {Math.Max(device.index, 0)}"
        : get_num_threads() is var threads and not 1 ? $"CPU, {threads} threads" : "CPU, 1 thread";

    /// <summary>The GPUs that libtorch sees.</summary>
    public static int Gpus => cuda.is_available() ? cuda.device_count() : 0;

    private static int OwnGpu(int localRank) => Gpus == 1 ? 0 : localRank;

    private static TorchSharp.torch.Device Gpu(int index)
    {
        return index < Gpus
            ? device_(index)
            : throw new UserException(
                $"GPU {index} is not there: libtorch sees {Gpus}; choose another device, or Automatic");
    }

    private static TorchSharp.torch.Device device_(int index)
    {
        UseTensorCores();
        return new TorchSharp.torch.Device(TorchSharp.DeviceType.CUDA, index);
    }
}
