using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Intensity;

/// <summary>The differences to the neighbours along each axis, times a strength, are added; border voxels are their own
/// neighbours (batchgeneratorsv2, SharpeningTransform).</summary>
public sealed class Sharpening(Interval strength) : IntensityTransform
{
    /// <inheritdoc/>
    public override void Apply(Tensor rows, IReadOnlyList<int> samples, BatchRandom random)
    {
        using var scope = NewDisposeScope();
        var edges = zeros_like(rows);
        for (var axis = 1; axis < rows.shape.Length; axis++)
        {
            var steps = rows.diff(dim: axis);
            var length = steps.shape[axis];
            edges.narrow(axis, 0, length).sub_(steps);
            edges.narrow(axis, 1, length).add_(steps);
        }

        rows.addcmul_(edges, PerRow(Draw(samples, () => random.Uniform(strength)), rows), value: 1);
    }
}
