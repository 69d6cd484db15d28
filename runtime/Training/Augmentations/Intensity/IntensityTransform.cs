using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Intensity;

/// <summary>A change of the values of some channels, all of them together; each gets random numbers of its own.</summary>
public abstract class IntensityTransform
{
    /// <summary>Draws for each channel, and changes all of them in place.</summary>
    /// <param name="rows">(R, D, H, W) or (R, H, W) in float32: the channels.</param>
    /// <param name="samples">The sample that each channel belongs to.</param>
    /// <param name="random">The batch's random numbers.</param>
    public abstract void Apply(Tensor rows, IReadOnlyList<int> samples, BatchRandom random);

    /// <summary>The transform of a step.</summary>
    /// <param name="change">The step's change.</param>
    /// <param name="patch">Voxels of the patch along each axis.</param>
    /// <param name="isThin">Whether the patch is transformed slice by slice.</param>
    public static IntensityTransform Of(IntensityChange change, IReadOnlyList<int> patch, bool isThin) => change switch
    {
        IntensityChange.GaussianNoise noise => new GaussianNoise(noise.deviation),
        IntensityChange.GaussianBlur blur => new GaussianBlur(blur.sigma, blur.perAxis),
        IntensityChange.MedianFilter median => new MedianFilter(median.smallest, median.largest),
        IntensityChange.Brightness brightness => new Brightness(brightness.factor),
        IntensityChange.BrightnessShift shift => new BrightnessShift(shift.deviation),
        IntensityChange.Contrast contrast => new Contrast(contrast.factor, contrast.keepRange),
        IntensityChange.LowResolution low => new LowResolution(low.scale, isThin),
        IntensityChange.Gamma gamma => new Gamma(gamma.exponent, gamma.inverted),
        IntensityChange.BlankRectangles blank => new BlankRectangles(blank.most, patch),
        IntensityChange.BrightnessGradient gradient => new BrightnessGradient(gradient.strength),
        IntensityChange.LocalGamma gamma => new LocalGamma(gamma.brighter, gamma.darker),
        IntensityChange.Sharpening sharpening => new Sharpening(sharpening.strength),
        _ => throw new ArgumentOutOfRangeException(nameof(change)),
    };

    /// <summary>One number for each channel, ready to be combined with the channels.</summary>
    protected static Tensor PerRow(IEnumerable<double> values, Tensor rows) =>
        tensor(values.Select(v => (float)v).ToArray(), device: rows.device).view([-1, .. Enumerable.Repeat(1L, rows.shape.Length - 1)]);

    /// <summary>A draw for each channel.</summary>
    protected static double[] Draw(IReadOnlyList<int> samples, Func<double> draw) => [.. samples.Select(_ => draw())];

    /// <summary>The axes of the voxels: all but the first.</summary>
    protected static long[] VoxelAxes(Tensor rows) => [.. Enumerable.Range(1, rows.shape.Length - 1)];
}
