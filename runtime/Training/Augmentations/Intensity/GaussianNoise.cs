using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Intensity;

/// <summary>Normal noise, independent for each voxel; the standard deviation is drawn once for a sample (batchgeneratorsv2,
/// GaussianNoiseTransform, which calls it a variance).</summary>
public sealed class GaussianNoise(Interval deviation) : IntensityTransform
{
    /// <inheritdoc/>
    public override void Apply(Tensor rows, IReadOnlyList<int> samples, BatchRandom random)
    {
        using var scope = NewDisposeScope();
        var ofSample = samples.Distinct().ToDictionary(sample => sample, _ => random.Uniform(deviation));
        using var generator = new Generator(random.Seed(), rows.device);
        var noise = empty_like(rows).normal_(0, 1, generator);
        rows.addcmul_(noise, PerRow(samples.Select(sample => ofSample[sample]), rows), value: 1);
    }
}
