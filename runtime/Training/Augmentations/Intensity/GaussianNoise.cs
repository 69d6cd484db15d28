using MedSegDsl.Runtime.Training.Loading;
using TorchSharp;
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
        rows.addcmul_(Noise(rows, random.Seed()), PerRow(samples.Select(sample => ofSample[sample]), rows), value: 1);
    }

    /// <summary>Normal numbers of the rows' shape. TorchSharp makes generators for the CPU alone: the GPU's own is seeded
    /// instead.</summary>
    private static Tensor Noise(Tensor rows, ulong seed)
    {
        var noise = empty_like(rows);
        if (rows.device_type == DeviceType.CPU)
        {
            using var generator = new Generator(seed, CPU);
            return noise.normal_(0, 1, generator);
        }

        cuda.manual_seed_all(unchecked((long)seed));
        return noise.normal_();
    }
}
