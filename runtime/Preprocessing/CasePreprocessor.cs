using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Planning;
using MedSegDsl.Runtime.Preprocessing.Normalization;
using MedSegDsl.Runtime.Preprocessing.Resampling;
using MedSegDsl.Runtime.Training.Sampling;

namespace MedSegDsl.Runtime.Preprocessing;

/// <summary>
/// Preprocesses one case for one configuration (nnU-Net v2: DefaultPreprocessor): transpose, crop to nonzero,
/// normalize, resample, draw foreground locations.
/// </summary>
public sealed class CasePreprocessor
{
    private readonly Plans plans;
    private readonly PlansConfiguration configuration;
    private readonly LabelManager labels;
    private readonly IntensityNormalization[] normalizations;

    /// <summary>A preprocessor for a configuration.</summary>
    /// <param name="plans">The plans.</param>
    /// <param name="configuration">One of their configurations.</param>
    /// <param name="labels">The labels of the dataset.</param>
    /// <exception cref="UserException">The plans ask for a preprocessor, a resampling or a normalization that
    /// is not there.</exception>
    public CasePreprocessor(Plans plans, PlansConfiguration configuration, LabelManager labels)
    {
        (this.plans, this.configuration, this.labels) = (plans, configuration, labels);
        if (configuration.PreprocessorName != "DefaultPreprocessor")
            throw NotThere("preprocessor", configuration.PreprocessorName, "DefaultPreprocessor");
        foreach (var resampling in new[] { configuration.ResamplingData, configuration.ResamplingSegmentation })
            if (resampling.Function != ResamplingSettings.DefaultFunction)
                throw NotThere("resampling", resampling.Function, ResamplingSettings.DefaultFunction);
        if (configuration.UseMaskForNorm.Length != Channels || plans.IntensityProperties.Count < Channels)
            throw new UserException(
                $"{plans.PlansName}, configuration {configuration.Name}: normalization_schemes, use_mask_for_norm "
                + "and the intensity properties should have one entry for each channel");
        normalizations =
        [
            .. configuration.NormalizationSchemes.Select((scheme, channel) => IntensityNormalization.Create(
                scheme, configuration.UseMaskForNorm[channel], plans.IntensityProperties[channel])),
        ];
    }

    /// <summary>Image channels that a case must have.</summary>
    public int Channels => configuration.NormalizationSchemes.Length;

    /// <summary>Preprocesses a case. The caller's arrays stay as they are.</summary>
    /// <param name="image">Channels of (z, y, x) as the reader gives them.</param>
    /// <param name="spacing">Spacing in mm along z, y, x.</param>
    /// <param name="segmentation">The labels, or null for a case to predict.</param>
    /// <param name="threads">Threads to use.</param>
    /// <exception cref="UserException">The image has another number of channels, or intensities that a scheme
    /// refuses.</exception>
    public PreprocessedCase Preprocess(
        ImageArray<float> image, double[] spacing, ImageArray<short>? segmentation, int threads = 1)
    {
        if (image.Channels != Channels)
            throw new UserException($"{image.Channels} image channels, but the plans are for {Channels}");
        var order = plans.TransposeForward;
        image = Transposition.Apply(image, order);
        segmentation = segmentation is null ? null : Transposition.Apply(segmentation, order);
        var (current, target) = Spacings(spacing);
        var cropped = Cropping.CropToNonzero(image, segmentation);
        var properties = new CaseProperties(spacing, image.Shape, cropped.Box, cropped.Image.Shape);
        var newShape = NewShape.Compute(cropped.Image.Shape, current, target);
        var resampledImage = Image(cropped, newShape, current, target, threads);
        var resampledSegmentation = Resampler.ResampleSegmentation(
            cropped.Segmentation, newShape, current, target, configuration.ResamplingSegmentation, threads);
        IReadOnlyList<ClassLocations> locations = segmentation is null
            ? []
            : ForegroundLocations.Sample(resampledSegmentation.Data, newShape, labels);
        return new PreprocessedCase(resampledImage, resampledSegmentation, properties, locations);
    }

    /// <summary>Bytes that a case takes at its peak: input, cropped copy and output, labels, and the work of
    /// one channel.</summary>
    /// <param name="channels">Image channels.</param>
    /// <param name="shape">Voxels along z, y, x as the reader gives them.</param>
    /// <param name="spacing">Spacing in mm along z, y, x.</param>
    public long MemoryFor(int channels, int[] shape, double[] spacing)
    {
        var (current, target) = Spacings(spacing);
        var before = Transposition.Apply(shape, plans.TransposeForward);
        var (voxelsBefore, voxelsAfter) = (Volume(before), Volume(NewShape.Compute(before, current, target)));
        var images = sizeof(float) * channels * (2 * voxelsBefore + voxelsAfter);
        var labels = sizeof(short) * (2 * voxelsBefore + voxelsAfter);
        var work = sizeof(float) * 2 * Math.Max(voxelsBefore, voxelsAfter);
        return images + labels + work;
    }

    private static long Volume(int[] shape) => shape.Aggregate(1L, (a, b) => a * b);

    /// <summary>The case's spacing and the target, transposed; a 2D configuration keeps the distance of
    /// slices.</summary>
    private (double[] Current, double[] Target) Spacings(double[] spacing)
    {
        var current = Transposition.Apply(spacing, plans.TransposeForward);
        return (current, configuration.Spacing is [var y, var x] ? [current[0], y, x] : configuration.Spacing);
    }

    /// <summary>Normalizes and resamples one channel after the other, so that only one is held
    /// twice.</summary>
    private ImageArray<float> Image(
        CroppedCase cropped, int[] newShape, double[] current, double[] target, int threads)
    {
        var result = new ImageArray<float>(Channels, newShape);
        var isSameShape = newShape.AsSpan().SequenceEqual(cropped.Image.Shape);
        var normalized = isSameShape ? [] : new float[cropped.Image.VoxelCount];
        for (var channel = 0; channel < Channels; channel++)
        {
            var output = result.Data.AsMemory(channel * result.VoxelCount, result.VoxelCount);
            var voxels = isSameShape ? output.Span : normalized;
            cropped.Image.Channel(channel).CopyTo(voxels);
            normalizations[channel].Apply(voxels, cropped.Segmentation.Data);
            if (!isSameShape)
                Resampler.ResampleChannel(
                    normalized, cropped.Image.Shape, output, newShape, current, target,
                    configuration.ResamplingData, threads, scratch: normalized);
        }

        return result;
    }

    private UserException NotThere(string what, string name, string known) => new(
        $"{plans.PlansName}, configuration {configuration.Name}: {what} {name} is not there; use {known}");
}
