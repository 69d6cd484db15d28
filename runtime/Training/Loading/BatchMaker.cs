using System.Runtime.InteropServices;
using MedSegDsl.Runtime.Distributed;
using MedSegDsl.Runtime.Training.Sampling;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Loading;

/// <summary>Makes any batch of a training from its key alone: draws cases and corners, reads the patches.</summary>
/// <param name="cases">The cases to draw from, uniformly and with replacement.</param>
/// <param name="initial">The size to read.</param>
/// <param name="final">The size that remains after augmentation.</param>
/// <param name="part">The samples of a batch that are made here: all of them, or one process's. What they are follows from
/// their place in the whole batch, whoever makes them.</param>
/// <param name="foreground">The share of samples that must contain foreground.</param>
/// <param name="hasIgnoreLabel">Whether parts of the images may be without annotation.</param>
/// <param name="seed">The experiment's seed.</param>
/// <param name="isPinned">Into pages that the system cannot move, which a GPU copies while the host goes on.</param>
public sealed class BatchMaker(
    IReadOnlyList<ITrainingCase> cases,
    int[] initial,
    int[] final,
    BatchPart part,
    double foreground,
    bool hasIgnoreLabel,
    int seed,
    bool isPinned = false)
{
    private readonly PatchSampler sampler = new(new PatchPlacement(initial, final), hasIgnoreLabel);

    /// <summary>Makes a batch.</summary>
    /// <exception cref="UserException">A case cannot be read; the line names it.</exception>
    public Batch Make(BatchKey key)
    {
        var random = new BatchRandom(seed, key);
        var chosen = Enumerable.Range(0, part.Batch).Select(_ => cases[random.Below(cases.Count)]).ToArray();
        long[] patch = [initial[0], initial[1], initial[2]];
        var voxels = patch[0] * patch[1] * patch[2];
        var channels = chosen[0].Channels;
        var image = Allocate([part.Count, channels, .. patch], ScalarType.Float32);
        var segmentation = Allocate([part.Count, chosen[0].SegmentationChannels, .. patch], ScalarType.Int16);
        try
        {
            for (var sample = 0; sample < part.Batch; sample++)
            {
                var forced = ForegroundOversampling.IsForced(sample, part.Batch, foreground);
                var place = sample - part.First;
                var isHere = place >= 0 && place < part.Count;
                using var imagePart = isHere ? image[place] : null;
                using var segmentationPart = isHere ? segmentation[place] : null;
                Read(chosen[sample], forced, random, imagePart, segmentationPart);
            }
        }
        catch
        {
            image.Dispose();
            segmentation.Dispose();
            throw;
        }

        if (part.First > 0)
            random.Separate(part.First);
        return new Batch(key, image, segmentation, [.. chosen.Skip(part.First).Take(part.Count).Select(c => c.Id)], random);
    }

    private Tensor Allocate(long[] shape, ScalarType type)
    {
        var pages = empty(shape, type);
        if (!isPinned)
            return pages;
        using (pages)
            return pages.pin_memory();
    }

    /// <summary>Draws a sample's place, and reads it where there are tensors for it.</summary>
    private void Read(ITrainingCase source, bool forced, BatchRandom random, Tensor? image, Tensor? segmentation)
    {
        try
        {
            var corner = sampler.Corner(source, forced, random);
            if (image is null || segmentation is null)
                return;
            source.ReadPatch(
                corner, initial, MemoryMarshal.Cast<byte, float>(image.bytes), MemoryMarshal.Cast<byte, short>(segmentation.bytes));
        }
        catch (Exception cause) when (cause is UserException or IOException or UnauthorizedAccessException)
        {
            throw new UserException($"case {source.Id}: {cause.Message}", cause);
        }
        catch (Exception cause)
        {
            throw new InvalidOperationException($"case {source.Id}: {cause.Message}", cause);
        }
    }
}
