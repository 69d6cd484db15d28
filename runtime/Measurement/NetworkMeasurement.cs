using System.Diagnostics;
using MedSegDsl.Kernels.Cuda;
using MedSegDsl.Models;
using MedSegDsl.Runtime.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Measurement;

/// <summary>
/// Latency and peak memory of a network on a device, for one patch in float32. Memory is the process's, on a GPU what is in
/// use on it, so that a process should measure one network and end.
/// </summary>
public static class NetworkMeasurement
{
    private const int MostPasses = 10;
    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(2);

    /// <summary>Builds the network and measures a forward pass, then a forward and backward pass.</summary>
    /// <param name="definition">The network.</param>
    /// <param name="channels">Image channels.</param>
    /// <param name="classes">Classes, background included.</param>
    /// <param name="patch">The patch in voxels.</param>
    /// <param name="device">The device.</param>
    /// <param name="report">Given the figures after each part: what follows may end the process for want of memory.</param>
    /// <exception cref="UserException">The network does not suit the input, or the device is not there.</exception>
    public static NetworkFigures Run(
        Network definition, int channels, int classes, Size3 patch, MedSegDsl.Device device, Action<NetworkFigures> report)
    {
        TrainingDevice.UseAllCores();
        var place = TrainingDevice.Resolve(device);
        using var scope = NewDisposeScope();
        Start(place);
        var idle = Used(place);
        using var network = Build(definition, channels, classes, patch);
        network.to(place);
        var volume = randn([1, channels, patch.D, patch.H, patch.W], device: place);
        var figures = new NetworkFigures(TrainingDevice.Describe(place), null, null);
        network.eval();
        figures = figures with { Forward = Measure(place, idle, () => Predict(network, volume)) };
        report(figures);
        network.train();
        figures = figures with { Training = Measure(place, idle, () => Learn(network, volume)) };
        report(figures);
        return figures;
    }

    /// <summary>Makes libtorch and the device do what they do once.</summary>
    private static void Start(torch.Device device)
    {
        using var scope = NewDisposeScope();
        randn([64, 64], device: device).matmul(randn([64, 64], device: device)).sum().item<float>();
    }

    private static long Used(torch.Device device) =>
        device.type == DeviceType.CUDA ? GpuMemory.Used() : PeakMemory.Resident();

    private static SegmentationNetwork Build(Network definition, int channels, int classes, Size3 patch)
    {
        try
        {
            return NetworkBuilder.Build(definition, channels, classes, patch);
        }
        catch (ModelException cause)
        {
            throw new UserException(cause.Message, cause);
        }
    }

    private static void Predict(SegmentationNetwork network, Tensor volume)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        network.Predict(volume).sum().item<float>();
    }

    private static void Learn(SegmentationNetwork network, Tensor volume)
    {
        using var scope = NewDisposeScope();
        var loss = network.call(volume).Select(map => map.square().mean()).Aggregate((a, b) => a + b);
        loss.backward();
        loss.item<float>();
        foreach (var parameter in network.parameters())
            parameter.grad = null;
    }

    private static StepFigures? Measure(torch.Device device, long idle, Action pass)
    {
        var onGpu = device.type == DeviceType.CUDA;
        var countsMemory = onGpu || PeakMemory.Reset();
        try
        {
            pass();
            var times = new List<double>();
            var all = Stopwatch.StartNew();
            do
            {
                var clock = Stopwatch.StartNew();
                pass();
                times.Add(clock.Elapsed.TotalMilliseconds);
            }
            while (times.Count < MostPasses && all.Elapsed < Enough);

            times.Sort();
            var peak = onGpu ? GpuMemory.Used() : PeakMemory.Peak();
            return new StepFigures(times[times.Count / 2], countsMemory ? Math.Max(peak - idle, 0) : null);
        }
        catch (System.Runtime.InteropServices.ExternalException)
        {
            // libtorch's error where memory does not suffice.
            return null;
        }
    }
}
