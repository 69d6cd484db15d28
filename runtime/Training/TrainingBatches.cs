using System.Diagnostics;
using MedSegDsl.Kernels.Cuda;
using MedSegDsl.Runtime.Distributed;
using MedSegDsl.Runtime.Training.Loading;
using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training;

/// <summary>A batch where the network is, augmented. Whoever takes it disposes it.</summary>
/// <param name="Batch">The batch as it was made.</param>
/// <param name="Image">(B, C, D, H, W) in float32, on the device.</param>
/// <param name="Target">What the network should say, as <see cref="TrainingTarget"/> has it, on the device.</param>
internal sealed record PreparedBatch(Batch Batch, Tensor Image, Tensor Target) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Image.Dispose();
        Target.Dispose();
        Batch.Dispose();
    }
}

/// <summary>
/// The batches of a training in their order, on its device. One batch is prepared ahead when the trainer says so: a GPU
/// still computes a step when the host has issued it, and what the next batch costs the host passes meanwhile.
/// </summary>
internal sealed class TrainingBatches : IDisposable
{
    private readonly TrainingSetup setup;
    private readonly BatchLoader loader;
    private readonly DeviceUploads? images, labels;
    private readonly Stopwatch waiting = new();
    private PreparedBatch? ahead;

    /// <summary>Starts the loader's threads.</summary>
    /// <param name="setup">The training.</param>
    /// <param name="part">The samples of a batch that this process takes.</param>
    /// <param name="firstEpoch">The epoch to start with, from 0.</param>
    /// <param name="doneBatches">Its training batches that were done before.</param>
    /// <param name="processes">The processes that share this machine.</param>
    public TrainingBatches(TrainingSetup setup, BatchPart part, int firstEpoch, int doneBatches, int processes)
    {
        this.setup = setup;
        var experiment = setup.Experiment;
        var isPinned = setup.Device.type == DeviceType.CUDA;
        (images, labels) = isPinned ? (Uploads(), Uploads()) : (null, null);
        int[] patch = [.. setup.Patch];
        BatchMaker Maker(IReadOnlyList<ITrainingCase> cases, int[] initial) => new(
            cases, initial, patch, part, experiment.ForegroundOversampling,
            setup.Labels.IgnoreLabel is not null, setup.Identity.Seed, isPinned);

        var training = Maker(setup.TrainingCases, [.. setup.InitialPatch]);
        var validation = Maker(setup.ValidationCases, patch);
        var keys =
            from epoch in Enumerable.Range(firstEpoch, Math.Max(0, experiment.Epochs - firstEpoch))
            let done = epoch == firstEpoch ? doneBatches : 0
            from key in Keys(BatchPurpose.Training, epoch, experiment.IterationsPerEpoch).Skip(done)
                .Concat(Keys(BatchPurpose.Validation, epoch, experiment.ValidationIterations))
            select key;
        var threads = LoaderThreads.For(setup.Device, processes);
        loader = new BatchLoader(
            keys, key => (key.Purpose == BatchPurpose.Training ? training : validation).Make(key), threads, 2 * threads);
    }

    /// <summary>The next batch, waiting for it if need be.</summary>
    /// <exception cref="UserException">A case cannot be read.</exception>
    public PreparedBatch Next()
    {
        var batch = ahead ?? Prepare(Timed(loader.Next));
        ahead = null;
        return batch;
    }

    /// <summary>Prepares the next batch, if there is one.</summary>
    /// <exception cref="UserException">A case cannot be read.</exception>
    public void PrepareNext()
    {
        if (ahead is null && Timed(loader.TryNext) is { } batch)
            ahead = Prepare(batch);
    }

    /// <summary>How long the loader was waited for since the last call.</summary>
    public TimeSpan TakeWaiting()
    {
        var waited = waiting.Elapsed;
        waiting.Reset();
        return waited;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ahead?.Dispose();
        loader.Dispose();
        images?.Dispose();
        labels?.Dispose();
    }

    private T Timed<T>(Func<T> take)
    {
        waiting.Start();
        try
        {
            return take();
        }
        finally
        {
            waiting.Stop();
        }
    }

    private PreparedBatch Prepare(Batch batch)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var given = images?.Upload(batch.Image) ?? batch.Image;
        var labelled = labels?.Upload(batch.Segmentation) ?? batch.Segmentation;
        var (image, segmentation) = batch.Key.Purpose == BatchPurpose.Training
            ? setup.Augmentation.Apply(given, labelled, batch.Random)
            : setup.Augmentation.Unchanged(given, labelled);
        var target = TrainingTarget.From(segmentation, setup.Labels);
        // On the CPU the image may be the batch's own, which goes with the batch.
        var own = ReferenceEquals(image, batch.Image) ? image.alias() : image;
        return new PreparedBatch(batch, own.DetachFromDisposeScope(), target.DetachFromDisposeScope());
    }

    private DeviceUploads Uploads() => new(Math.Max(0, setup.Device.index));

    private static IEnumerable<BatchKey> Keys(BatchPurpose purpose, int epoch, int iterations) =>
        Enumerable.Range(0, iterations).Select(iteration => new BatchKey(purpose, epoch, iteration));
}
