using System.Runtime.InteropServices;
using MedSegDsl.Runtime.Training.Sampling;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Loading;

/// <summary>Makes any batch of a training from its key alone: draws cases and corners, reads the patches.</summary>
/// <param name="cases">The cases to draw from, uniformly and with replacement.</param>
/// <param name="initial">The size to read.</param>
/// <param name="final">The size that remains after augmentation.</param>
/// <param name="batch">Samples in a batch.</param>
/// <param name="foreground">The share of samples that must contain foreground.</param>
/// <param name="hasIgnoreLabel">Whether parts of the images may be without annotation.</param>
/// <param name="seed">The experiment's seed.</param>
public sealed class BatchMaker(
    IReadOnlyList<ITrainingCase> cases,
    int[] initial,
    int[] final,
    int batch,
    double foreground,
    bool hasIgnoreLabel,
    int seed)
{
    private readonly PatchSampler sampler = new(new PatchPlacement(initial, final), hasIgnoreLabel);

    /// <summary>Makes a batch.</summary>
    /// <exception cref="UserException">A case cannot be read; the line names it.</exception>
    public Batch Make(BatchKey key)
    {
        var random = new BatchRandom(seed, key);
        var chosen = Enumerable.Range(0, batch).Select(_ => cases[random.Below(cases.Count)]).ToArray();
        long[] patch = [initial[0], initial[1], initial[2]];
        var voxels = patch[0] * patch[1] * patch[2];
        var channels = chosen[0].Channels;
        var image = empty([batch, channels, .. patch], ScalarType.Float32);
        var segmentation = empty([batch, 1, .. patch], ScalarType.Int16);
        try
        {
            for (var sample = 0; sample < batch; sample++)
            {
                var forced = ForegroundOversampling.IsForced(sample, batch, foreground);
                using var imagePart = image[sample];
                using var segmentationPart = segmentation[sample];
                Read(chosen[sample], forced, random, imagePart, segmentationPart);
            }
        }
        catch
        {
            image.Dispose();
            segmentation.Dispose();
            throw;
        }

        return new Batch(key, image, segmentation, [.. chosen.Select(c => c.Id)], random);
    }

    private void Read(ITrainingCase source, bool forced, BatchRandom random, Tensor image, Tensor segmentation)
    {
        try
        {
            var corner = sampler.Corner(source, forced, random);
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
