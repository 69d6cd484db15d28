using MedSegDsl.Runtime.Training.Optimization;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training;

/// <summary>
/// What an experiment's precision means. In mixed precision a network's modules compute in the type of what they are given:
/// the volume is cast once, at the network's entrance, and each module casts its own parameters. Parameters, gradients and
/// optimizer stay in float32; norms, softmax and the selective scan's state are computed in float32 whatever comes in, and class
/// maps leave the network in float32, so losses are as well.
/// </summary>
public static class TrainingPrecision
{
    /// <summary>What a network computes in, for <see cref="Models.SegmentationNetwork.ComputeType"/>; null is its parameters' type.</summary>
    public static ScalarType? ComputeType(Precision precision) =>
        precision.IsBFloat16 ? ScalarType.BFloat16 : precision.IsFloat16 ? ScalarType.Float16 : null;

    /// <summary>The loss scale of a training; null where none is needed: bfloat16 reaches as far as float32.</summary>
    public static LossScale? LossScale(Precision precision) => precision.IsFloat16 ? new LossScale() : null;

    /// <summary>Refuses what a device cannot do.</summary>
    /// <exception cref="UserException">Float16 on the CPU.</exception>
    public static void Check(Precision precision, TorchSharp.torch.Device device)
    {
        if (precision.IsFloat16 && device.type == TorchSharp.DeviceType.CPU)
        {
            throw new UserException(
                "precision Float16 needs a GPU: set the experiment's precision to Float32, or to BFloat16, which also works on the CPU");
        }
    }
}
