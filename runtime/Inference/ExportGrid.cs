using MedSegDsl.Runtime.Planning;
using MedSegDsl.Runtime.Preprocessing;

namespace MedSegDsl.Runtime.Inference;

/// <summary>The way back from a network's grid to the image file's: what preprocessing did to a case.</summary>
/// <param name="NetworkSpacing">Spacing that the network saw, in mm, in the order of the plans.</param>
/// <param name="OwnSpacing">The case's own spacing, in mm, in the order of the plans.</param>
/// <param name="Resampling">How logits are resampled from the one to the other.</param>
/// <param name="ShapeBeforeCropping">Voxels of the whole image, in the order of the plans.</param>
/// <param name="Box">Half-open ranges [[z0, z1], [y0, y1], [x0, x1]] of the part that was kept, in the order of the plans.</param>
/// <param name="TransposeBackward">From the order of the plans to the file's.</param>
public sealed record ExportGrid(
    IReadOnlyList<double> NetworkSpacing,
    IReadOnlyList<double> OwnSpacing,
    ResamplingSettings Resampling,
    int[] ShapeBeforeCropping,
    int[][] Box,
    IReadOnlyList<int> TransposeBackward)
{
    /// <summary>The way back of a case.</summary>
    /// <param name="plans">Give the order of the axes.</param>
    /// <param name="configuration">Gives the spacing that the network saw; a 2D configuration takes the case's own first one in front.</param>
    /// <param name="properties">What preprocessing did.</param>
    /// <exception cref="UserException">The plans ask for a resampling of probabilities that is not there.</exception>
    public static ExportGrid Of(Plans plans, PlansConfiguration configuration, CaseProperties properties)
    {
        var resampling = configuration.ResamplingProbabilities;
        if (resampling.Function != ResamplingSettings.DefaultFunction)
        {
            throw new UserException($"{plans.PlansName}, configuration {configuration.Name}: resampling {resampling.Function} "
                + $"is not there; use {ResamplingSettings.DefaultFunction}");
        }

        var own = Transposition.Apply(properties.Spacing, plans.TransposeForward);
        double[] planned = configuration.Spacing is [var y, var x] ? [own[0], y, x] : configuration.Spacing;
        return new ExportGrid(
            planned, own, resampling, properties.ShapeBeforeCropping, properties.CropBox, plans.TransposeBackward);
    }

    /// <summary>Voxels of the part that was kept, at the case's own spacing.</summary>
    public int[] CroppedShape => [.. Box.Select(range => range[1] - range[0])];
}
