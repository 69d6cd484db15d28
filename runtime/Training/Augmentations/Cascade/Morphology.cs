using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Cascade;

/// <summary>What a ball does to a mask.</summary>
public enum BallOperation
{
    /// <summary>Adds every voxel that the ball around a voxel of the mask reaches.</summary>
    Dilation,

    /// <summary>Removes every voxel whose ball reaches out of the mask; the volume's border does not count.</summary>
    Erosion,

    /// <summary>Dilation, then erosion.</summary>
    Closing,

    /// <summary>Erosion, then dilation.</summary>
    Opening,
}

/// <summary>Grows, shrinks or smooths one label (batchgeneratorsv2, ApplyRandomBinaryOperatorTransform).</summary>
public static class Morphology
{
    /// <summary>Changes a label in place; voxels that it wins are taken from the other labels.</summary>
    /// <param name="labels">(labels, D, H, W) or (labels, H, W): 0/1.</param>
    /// <param name="label">The label's channel.</param>
    /// <param name="operation">What is done.</param>
    /// <param name="radius">The ball's radius in voxels.</param>
    public static void Apply(Tensor labels, int label, BallOperation operation, double radius)
    {
        using var scope = NewDisposeScope();
        var before = labels[label].ne(0);
        var after = operation switch
        {
            BallOperation.Dilation => Dilate(before, radius),
            BallOperation.Erosion => Erode(before, radius),
            BallOperation.Closing => Erode(Dilate(before, radius), radius),
            _ => Dilate(Erode(before, radius), radius),
        };
        labels.masked_fill_(after.logical_and(before.logical_not()).unsqueeze(0), 0);
        labels[label].copy_(after);
    }

    private static Tensor Erode(Tensor mask, double radius) => Dilate(mask.logical_not(), radius).logical_not();

    /// <summary>Where the squared distance to the mask is at most the squared radius. The distances are exact up to the
    /// radius: axis by axis, the least of the neighbours' distances and the square of the step to them.</summary>
    private static Tensor Dilate(Tensor mask, double radius)
    {
        const double Far = 1e9;
        var distance = mask.logical_not().to(ScalarType.Float32).mul_(Far);
        for (var axis = 0; axis < mask.shape.Length; axis++)
        {
            var along = distance.clone();
            for (var step = 1; step <= Math.Min((int)radius, mask.shape[axis] - 1); step++)
            {
                var rest = mask.shape[axis] - step;
                foreach (var (to, from) in new[] { (0, step), (step, 0) })
                {
                    var target = along.narrow(axis, to, rest);
                    target.copy_(target.minimum(distance.narrow(axis, from, rest) + step * step));
                }
            }

            distance = along;
        }

        return distance.le(radius * radius);
    }
}
