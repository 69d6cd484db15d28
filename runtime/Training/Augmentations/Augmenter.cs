using MedSegDsl.Runtime.Training.Augmentations.Cascade;
using MedSegDsl.Runtime.Training.Augmentations.Intensity;
using MedSegDsl.Runtime.Training.Augmentations.Spatial;
using MedSegDsl.Runtime.Training.Loading;
using MedSegDsl.Runtime.Training.Sampling;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations;

/// <summary>
/// Random changes of a training batch, in tensor operations on the device where the network runs. What is drawn follows
/// from the batch's own random numbers, so that the same batch is changed alike whenever it is made.
/// </summary>
public sealed class Augmenter
{
    private readonly AugmentationStep[] steps;
    private readonly int[] patch;
    private readonly PatchGeometry geometry;
    private readonly int[] maskedChannels;
    private readonly int[] previousLabels;

    /// <summary>Prepares the steps of an experiment.</summary>
    /// <param name="steps">The steps, valid, in order.</param>
    /// <param name="patch">What the network sees, voxels along each axis.</param>
    /// <param name="maskedChannels">Channels that are normalized inside the nonzero mask: they become 0 outside of it
    /// again.</param>
    /// <param name="previousLabels">In the second stage of a cascade, the foreground labels: the segmentation's second
    /// channel, what the first stage said, becomes one image channel for each.</param>
    public Augmenter(
        IEnumerable<AugmentationStep> steps,
        IReadOnlyList<int> patch,
        IReadOnlyList<int>? maskedChannels = null,
        IReadOnlyList<int>? previousLabels = null)
    {
        this.steps = [.. steps];
        this.patch = [.. patch];
        this.maskedChannels = [.. maskedChannels ?? []];
        this.previousLabels = [.. previousLabels ?? []];
        var affine = SpatialChanges(this.steps).OfType<SpatialChange.Affine>().SingleOrDefault()?.Item;
        geometry = affine is null
            ? new PatchGeometry(patch)
            : new PatchGeometry(patch, affine.Margin, (affine.Rotation as Rotation.Degrees)?.largest);
        InitialPatch = affine is null ? this.patch : geometry.InitialPatch;
        MirrorAxes = [.. SpatialChanges(this.steps).OfType<SpatialChange.Mirror>().SelectMany(mirror => mirror.axes)
            .Where(axis => axis < patch.Count).Distinct().Order()];
    }

    /// <summary>What the network sees, voxels along each axis: two for slices.</summary>
    public IReadOnlyList<int> Patch => patch;

    /// <summary>What must be cut from the images so that the patch remains, voxels along each axis.</summary>
    public IReadOnlyList<int> InitialPatch { get; }

    /// <summary>The axes of the patch that prediction may mirror: those that training mirrors.</summary>
    public IReadOnlyList<int> MirrorAxes { get; }

    /// <summary>Changes a batch.</summary>
    /// <param name="image">(B, C, D, H, W) in float32, of the initial size; in 2D (B, C, 1, H, W) or (B, C, H, W); may be
    /// changed in place.</param>
    /// <param name="segmentation">(B, 1, D, H, W) in int16, −1 outside the image; two channels in a cascade; may be changed
    /// in place.</param>
    /// <param name="random">The batch's random numbers.</param>
    /// <returns>The batch at the patch's size, with the axes that it came with.</returns>
    public (Tensor Image, Tensor Segmentation) Apply(Tensor image, Tensor segmentation, BatchRandom random)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var areSlices = patch.Length == 2 && image.dim() == 5;
        var batch = areSlices
            ? new AugmentedBatch(image.squeeze(2), segmentation.squeeze(2))
            : new AugmentedBatch(image, segmentation);
        int[] all = [.. Enumerable.Range(0, batch.Samples)];
        foreach (var step in steps)
            Apply(step, batch, all, random);
        if (steps.Length > 0)
            ClearOutsideMask(batch);
        if (previousLabels.Length > 0)
        {
            var previous = PreviousStageOf(batch);
            foreach (var step in steps.OfType<AugmentationStep.Cascade>())
                foreach (var sample in all.Where(_ => random.Chance(step.probability)))
                    PreviousStage.Change(previous[sample], step, random);
            MoveToImage(previous, batch);
        }

        if (areSlices)
            (batch.Image, batch.Segmentation) = (batch.Image.unsqueeze(2), batch.Segmentation.unsqueeze(2));
        return (Kept(batch.Image, image), Kept(batch.Segmentation, segmentation));
    }

    /// <summary>A batch of the online validation: nothing is drawn, but in a cascade the first stage's segmentation becomes
    /// image channels.</summary>
    /// <param name="image">(B, C, …) in float32.</param>
    /// <param name="segmentation">(B, 1, …) in int16; two channels in a cascade.</param>
    public (Tensor Image, Tensor Segmentation) Unchanged(Tensor image, Tensor segmentation)
    {
        if (previousLabels.Length == 0)
            return (image, segmentation);
        using var scope = NewDisposeScope();
        var batch = new AugmentedBatch(image, segmentation);
        MoveToImage(PreviousStageOf(batch), batch);
        return (Kept(batch.Image, image), Kept(batch.Segmentation, segmentation));
    }

    private void Apply(AugmentationStep step, AugmentedBatch batch, IReadOnlyList<int> samples, BatchRandom random)
    {
        switch (step)
        {
            case AugmentationStep.Spatial spatial:
                int[] chosen = [.. samples.Where(_ => random.Chance(spatial.probability))];
                Apply(spatial.change, batch, chosen, random);
                break;
            case AugmentationStep.Intensity intensity:
                var rows = ChannelRows.Draw(batch, samples, intensity.probability, intensity.channelProbability, random);
                if (rows.Count > 0)
                    rows.Change(batch.Image, IntensityTransform.Of(intensity.change, patch, geometry.IsDummy2D), random);
                break;
            case AugmentationStep.OneOf choice:
                AugmentationStep[] alternatives = [.. choice.steps];
                var choices = samples.ToLookup(_ => random.Below(alternatives.Length));
                for (var i = 0; i < alternatives.Length; i++)
                    Apply(alternatives[i], batch, [.. choices[i]], random);
                break;
        }
    }

    private void Apply(SpatialChange change, AugmentedBatch batch, IReadOnlyList<int> samples, BatchRandom random)
    {
        switch (change)
        {
            case SpatialChange.Affine affine:
                AffineTransform.Apply(batch, samples, affine.Item, geometry, random);
                break;
            case SpatialChange.Mirror mirror:
                Mirroring.Apply(batch, samples, mirror.axes, random);
                break;
            case var other when other.IsQuarterTurn:
                QuarterTurn.Apply(batch, samples, random);
                break;
            default:
                AxisPermutation.Apply(batch, samples, random);
                break;
        }
    }

    /// <summary>The mask for normalization is where the segmentation is not negative (batchgeneratorsv2, MaskImageTransform).</summary>
    private void ClearOutsideMask(AugmentedBatch batch)
    {
        if (maskedChannels.Length == 0)
            return;
        var outside = batch.Segmentation.narrow(1, 0, 1).lt(0);
        foreach (var channel in maskedChannels)
            batch.Image.narrow(1, channel, 1).masked_fill_(outside, 0);
    }

    private Tensor PreviousStageOf(AugmentedBatch batch) =>
        PreviousStage.OneHot(batch.Segmentation.narrow(1, 1, 1), previousLabels);

    private static void MoveToImage(Tensor previous, AugmentedBatch batch)
    {
        batch.Image = cat([batch.Image, previous], 1);
        batch.Segmentation = batch.Segmentation.narrow(1, 0, 1);
    }

    private static IEnumerable<SpatialChange> SpatialChanges(IEnumerable<AugmentationStep> steps) => steps.SelectMany(step => step switch
    {
        AugmentationStep.Spatial spatial => [spatial.change],
        AugmentationStep.OneOf choice => SpatialChanges(choice.steps),
        _ => [],
    });

    /// <summary>The result outlives the scope; the input is the caller's anyway.</summary>
    private static Tensor Kept(Tensor result, Tensor input) =>
        ReferenceEquals(result, input) ? input : result.MoveToOuterDisposeScope();
}
