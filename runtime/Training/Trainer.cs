using System.Diagnostics;
using MedSegDsl.Runtime.Training.Checkpoints;
using MedSegDsl.Runtime.Training.Loading;
using MedSegDsl.Runtime.Training.Losses;
using MedSegDsl.Runtime.Training.Optimization;
using MedSegDsl.Runtime.Training.Progress;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training;

/// <summary>
/// The training loop (nnU-Net v2, nnUNetTrainer): epochs of training and online validation, the curves, and when
/// checkpoints are written. Everything random follows from the seed, the epoch and the iteration, so that a training which
/// was interrupted and goes on ends with the same weights, to the bit, as one that was not, on the CPU.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly TrainingSetup setup;
    private readonly ITrainingProgress progress;
    private readonly DeepSupervisionLoss loss;
    private readonly ParameterOptimizer optimizer;
    private readonly double initialRate;
    private LossScale? lossScale;
    private Curves curves = new([]);

    /// <summary>Prepares a training from the network's weights.</summary>
    /// <param name="setup">What to train.</param>
    /// <param name="progress">Who is told.</param>
    public Trainer(TrainingSetup setup, ITrainingProgress progress)
    {
        this.setup = setup;
        this.progress = progress;
        var experiment = setup.Experiment;
        loss = TrainingLoss.For(experiment.Loss, setup.Labels, setup.BatchDice);
        optimizer = ParameterOptimizer.Create(
            experiment.Optimizer,
            setup.Network.named_parameters().Select(p => (p.name, (Tensor)p.parameter)),
            experiment.GradientClipping);
        initialRate = LearningRate.Initial(experiment.Optimizer);
        lossScale = TrainingPrecision.LossScale(experiment.Precision);
    }

    /// <summary>The epochs so far.</summary>
    public Curves Curves => curves;

    /// <summary>Puts a checkpoint's weights, optimizer and curves in place.</summary>
    /// <exception cref="UserException">The checkpoint belongs to another network or optimizer.</exception>
    public void Resume(Checkpoint checkpoint)
    {
        checkpoint.LoadNetwork(setup.Network);
        optimizer.Load(checkpoint.Optimizer, checkpoint.State.OptimizerSteps);
        curves = checkpoint.State.Curves;
        if (checkpoint.State.LossScale is { } scale)
            lossScale = new LossScale(scale, checkpoint.State.StepsWithoutOverflow);
    }

    /// <summary>Trains to the last epoch.</summary>
    /// <param name="cancellation">Stops after the batch at hand; what was done since the last checkpoint is lost.</param>
    /// <exception cref="UserException">The loss is not a number, or a case cannot be read.</exception>
    public void Run(CancellationToken cancellation = default)
    {
        var experiment = setup.Experiment;
        var first = curves.Epochs.Count;
        Directory.CreateDirectory(setup.Folder.Path);
        var pace = new Pace(first, experiment.Epochs, experiment.IterationsPerEpoch, experiment.ValidationIterations);
        using var batches = StartLoading(first);
        try
        {
            progress.Started(Overview());
            for (var epoch = first; epoch < experiment.Epochs; epoch++)
                RunEpoch(epoch, batches, pace, cancellation);
        }
        finally
        {
            progress.Ended();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => optimizer.Dispose();

    private void RunEpoch(int epoch, BatchLoader batches, Pace pace, CancellationToken cancellation)
    {
        var experiment = setup.Experiment;
        var clock = Stopwatch.StartNew();
        var rate = LearningRate.At(experiment.Schedule, initialRate, epoch, experiment.Epochs);
        // What a network itself draws (dropout) starts anew with each epoch.
        random.manual_seed(unchecked(setup.Identity.Seed * 1_000_003L + epoch));

        double Mean(BatchPurpose purpose, int iterations, Func<Batch, double> run)
        {
            var sum = 0.0;
            for (var iteration = 0; iteration < iterations; iteration++)
            {
                cancellation.ThrowIfCancellationRequested();
                using var batch = batches.Next();
                var value = run(batch);
                if (!double.IsFinite(value))
                    throw NotANumber(batch, value);
                sum += value;
                pace.Stepped(purpose);
                progress.Stepped(new TrainingStep(batch.Key, iterations, value, pace.Remaining));
            }

            return sum / iterations;
        }

        setup.Network.train();
        var training = Mean(BatchPurpose.Training, experiment.IterationsPerEpoch, batch => TrainingStep(batch, rate));
        setup.Network.eval();
        var dice = new PseudoDice(setup.Labels);
        var validation = Mean(BatchPurpose.Validation, experiment.ValidationIterations, batch => ValidationStep(batch, dice));
        var (_, isBest) = curves.Add(rate, training, validation, dice.Values, clock.Elapsed.TotalSeconds);
        progress.EpochEnded(curves, pace.Remaining ?? TimeSpan.Zero);
        SaveCheckpoints(epoch, isBest);
    }

    /// <summary>One step of the optimizer.</summary>
    /// <returns>The batch's loss.</returns>
    private double TrainingStep(Batch batch, double rate)
    {
        using var scope = NewDisposeScope();
        var (image, segmentation) = setup.Augmentation.Apply(
            batch.Image.to(setup.Device), batch.Segmentation.to(setup.Device), batch.Random);
        var target = TrainingTarget.From(segmentation, setup.Labels);
        var value = loss.Evaluate(setup.Network.forward(image), target, backward: true, lossScale);
        optimizer.Step(rate, lossScale);
        return value.item<float>();
    }

    /// <summary>The loss of a validation batch; its voxels are counted for the pseudo Dice.</summary>
    private double ValidationStep(Batch batch, PseudoDice dice)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var target = TrainingTarget.From(batch.Segmentation.to(setup.Device), setup.Labels);
        var maps = setup.Network.forward(batch.Image.to(setup.Device));
        dice.Add(maps[0], target);
        return loss.Evaluate(maps, target, backward: false).item<float>();
    }

    private void SaveCheckpoints(int epoch, bool isBest)
    {
        var isLast = epoch + 1 == setup.Experiment.Epochs;
        if (!isLast && (epoch + 1) % setup.CheckpointInterval == 0)
            Save(setup.Folder.Latest);
        if (isBest)
            Save(setup.Folder.Best);
        if (isLast)
        {
            Save(setup.Folder.Final);
            File.Delete(setup.Folder.Latest);
        }
    }

    private void Save(string path)
    {
        Checkpoint.Write(path, CheckpointState.Of(setup, curves, optimizer.Steps, lossScale), setup.Network, optimizer);
        progress.Noted($"wrote {Path.GetFileName(path)}");
    }

    private BatchLoader StartLoading(int firstEpoch)
    {
        var experiment = setup.Experiment;
        int[] patch = [.. setup.Patch];
        BatchMaker Maker(IReadOnlyList<ITrainingCase> cases, int[] initial) => new(
            cases, initial, patch, setup.Batch, experiment.ForegroundOversampling,
            setup.Labels.IgnoreLabel is not null, setup.Identity.Seed);

        var training = Maker(setup.TrainingCases, [.. setup.Augmentation.InitialPatch]);
        var validation = Maker(setup.ValidationCases, patch);
        var keys =
            from epoch in Enumerable.Range(firstEpoch, experiment.Epochs - firstEpoch)
            from key in Keys(BatchPurpose.Training, epoch, experiment.IterationsPerEpoch)
                .Concat(Keys(BatchPurpose.Validation, epoch, experiment.ValidationIterations))
            select key;
        var threads = LoaderThreads.For(setup.Device);
        return new BatchLoader(
            keys, key => (key.Purpose == BatchPurpose.Training ? training : validation).Make(key), threads, 2 * threads);
    }

    private static IEnumerable<BatchKey> Keys(BatchPurpose purpose, int epoch, int iterations) =>
        Enumerable.Range(0, iterations).Select(iteration => new BatchKey(purpose, epoch, iteration));

    private UserException NotANumber(Batch batch, double value)
    {
        var what = batch.Key.Purpose == BatchPurpose.Training ? "training" : "validation";
        var last = setup.Folder.Resumable is { } file
            ? $"the last good checkpoint is {file}: go on from it with --continue"
            : "there is no checkpoint yet: start again";
        return new UserException(
            $"epoch {batch.Key.Epoch + 1}, {what} batch {batch.Key.Iteration + 1}, cases "
            + $"{string.Join(", ", batch.Cases.Distinct())}: the loss is {value}; {last}, with a lower learning rate or after looking at these cases");
    }

    private TrainingOverview Overview() => new(
        $"{setup.Identity.Dataset}, {setup.Identity.Configuration}, fold {setup.Identity.Fold}, seed {setup.Identity.Seed}",
        setup.Experiment.Network.Name,
        setup.Network.ParameterCount,
        setup.Patch,
        setup.Batch,
        setup.TrainingCases.Count,
        setup.ValidationCases.Count,
        TrainingDevice.Describe(setup.Device),
        setup.ClassNames,
        curves.Epochs.Count,
        setup.Experiment.Epochs,
        setup.Folder.Path);
}
