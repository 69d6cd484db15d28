namespace MedSegDsl.Runtime.Preprocessing.Resampling;

/// <summary>How a volume is resampled: the arguments of nnU-Net v2's resample_data_or_seg_to_shape in the plans.</summary>
/// <param name="Order">Spline order of the resize: 0 nearest, 1 linear, 2 quadratic, 3 cubic.</param>
/// <param name="OrderZ">Order along the low-resolution axis where that axis is resampled separately.</param>
/// <param name="ForceSeparateZ">Null: decided from the spacings. True: by the current spacing's largest axis. False: never.</param>
public sealed record ResamplingRule(int Order, int OrderZ = 0, bool? ForceSeparateZ = null)
{
    /// <summary>Images in nnU-Net's default plans: cubic, nearest along a separate axis.</summary>
    public static ResamplingRule Image { get; } = new(3);

    /// <summary>Segmentations in nnU-Net's default plans: linear masks, nearest along a separate axis.</summary>
    public static ResamplingRule Segmentation { get; } = new(1);

    /// <summary>Logits in nnU-Net's default plans: linear, nearest along a separate axis.</summary>
    public static ResamplingRule Probabilities { get; } = new(1);
}
