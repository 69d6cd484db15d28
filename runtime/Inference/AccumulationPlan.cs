using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Inference;

/// <summary>Where and in which type tiles are added up; each plan needs less of the device's memory than the one before.</summary>
/// <param name="Description">What a user is told when it comes into force.</param>
/// <param name="Type">The type of the sums.</param>
/// <param name="Device">Where they lie.</param>
internal sealed record AccumulationPlan(string Description, ScalarType Type, torch.Device Device)
{
    /// <summary>More of the host's memory than this the sums of the CPU do not take in single precision.</summary>
    private const double LargestShare = 0.4;

    /// <summary>The plans of a device, the most precise and fastest first.</summary>
    /// <param name="type">The type that is wanted.</param>
    /// <param name="device">Where the networks are.</param>
    public static IReadOnlyList<AccumulationPlan> Of(ScalarType type, torch.Device device)
    {
        List<AccumulationPlan> plans = [new("tiles are added up as asked for", type, device)];
        if (type != ScalarType.Float16)
            plans.Add(new("tiles are added up in half precision", ScalarType.Float16, device));
        if (device.type != DeviceType.CPU)
            plans.Add(new("tiles are added up in half precision in the host's memory", ScalarType.Float16, CPU));
        return plans;
    }

    /// <summary>
    /// Whether the sums fit. On a GPU that shows itself; the CPU's memory is promised before it is there, and the system
    /// ends a program that takes too much.
    /// </summary>
    /// <param name="window">The tiles.</param>
    /// <param name="classes">Classes of the output.</param>
    public bool Fits(SlidingWindow window, int classes)
    {
        var bytes = (long)classes * window.Tile[0] * window.Padded[1] * window.Padded[2] * (Type == ScalarType.Float16 ? 2 : 4);
        return Device.type != DeviceType.CPU || bytes <= LargestShare * GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
    }
}
