using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Intensity;

/// <summary>A few boxes are filled with the mean of what was in them; each side is a tenth to a third of the patch
/// (batchgeneratorsv2, BlankRectangleTransform; nnU-Net, nnUNetTrainerDA5).</summary>
public sealed class BlankRectangles(int most, IReadOnlyList<int> patch) : IntensityTransform
{
    /// <inheritdoc/>
    public override void Apply(Tensor rows, IReadOnlyList<int> samples, BatchRandom random)
    {
        for (var row = 0; row < samples.Count; row++)
        {
            for (var count = random.Between(1, most); count > 0; count--)
            {
                using var scope = NewDisposeScope();
                var box = rows[row];
                for (var axis = 0; axis < patch.Count; axis++)
                {
                    var smallest = Math.Max(1, patch[axis] / 10);
                    var side = random.Between(smallest, Math.Max(smallest, patch[axis] / 3 - 1));
                    box = box.narrow(axis, random.Between(0, (int)rows.shape[axis + 1] - side), side);
                }

                box.copy_(box.mean());
            }
        }
    }
}
