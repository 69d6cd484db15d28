using System.Diagnostics;
using MedSegDsl.Runtime.Distributed;
using MedSegDsl.Runtime.Measurement;
using MedSegDsl.Runtime.Training.Checkpoints;
using MedSegDsl.Runtime.Training.Loading;
using MedSegDsl.Runtime.Training.Losses;
using MedSegDsl.Runtime.Training.Optimization;
using MedSegDsl.Runtime.Training.Progress;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training;

/// <summary>
/// The training loop (nnU-Net v2, nnUNetTrainer): epochs of training and online validation, the curves, and when
/// checkpoints are written. Everything random follows from the seed, the epoch and the batch, so that a training which was
/// interrupted at any moment and goes on ends with the same weights, to the bit, as one that was not, on the CPU. Several
/// processes share each batch: every one takes the same steps, and rank 0 writes the files.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly TrainingSetup setup;
    private readonly ITrainingProgress progress;
    private readonly DeepSupervisionLoss loss;
    private readonly ParameterOptimizer optimizer;
    private readonly double initialRate;
    private readonly ICommunicator ranks;
    private readonly BatchPart part;
    private readonly GradientReducer? reducer;
    private StepAgreement agreement;
    private readonly EpochMeter meter;
    private LossScale? lossScale;
    private Curves curves = new([]);
    private UnfinishedEpoch unfinished;

    /// <summary>Prepares a training from the network's weights.</summary>
    /// <param name="setup">What to train.</param>
    /// <param name="progress">Who is told.</param>
    public Trainer(TrainingSetup setup, ITrainingProgress progress)
    {
        this.setup = setup;
        this.progress = progress;
        var experiment = setup.Experiment;
        ranks = setup.Ranks;
        part = BatchPart.Of(setup.Batch, ranks.Rank, ranks.Size);
        agreement = new StepAgreement(ranks, CancellationToken.None);
        (string Name, Tensor Parameter)[] parameters = [.. setup.Network.named_parameters().Select(p => (p.name, (Tensor)p.parameter))];
        loss = TrainingLoss.For(
            experiment.Loss, setup.Labels, setup.BatchDice, ranks.Size > 1 ? new LossPart(part.Share, ranks.Sum) : null);
        optimizer = ParameterOptimizer.Create(experiment.Optimizer, parameters, experiment.GradientClipping);
        reducer = ranks.Size > 1 ? new GradientReducer(ranks, parameters, setup.GradientBucketBytes) : null;
        meter = new EpochMeter(setup.Device, ranks.CoreSharers);
        initialRate = LearningRate.Initial(experiment.Optimizer);
        lossScale = TrainingPrecision.LossScale(experiment.Precision);
    }

    /// <summary>The epochs so far.</summary>
    public Curves Curves => curves;

    /// <summary>Whether the last epoch is done, or the early stop has come.</summary>
    public bool IsOver => curves.Epochs.Count >= setup.Experiment.Epochs
        || (setup.Experiment.EarlyStop is EarlyStop.Patience patience && curves.SinceBest >= patience.epochs);

    /// <summary>Takes up the training in the folder, or clears the folder for a new one.</summary>
    /// <param name="goOn">Go on from the last whole checkpoint, if there is one.</param>
    /// <exception cref="UserException">The checkpoints are all damaged, or belong to another network or optimizer.</exception>
    public void Begin(bool goOn)
    {
        var folder = setup.Folder;
        if (ranks.Rank == 0)
            PrepareFolder(goOn);
        ranks.Barrier();
        if (goOn && ranks.Together(TakeUp) is { } file)
        {
            StartAlike();
            if (file == folder.Final && !IsOver && ranks.Rank == 0)
                folder.Reopen();
            var batches = unfinished.Batches > 0 ? $" and {unfinished.Batches} batches" : "";
            progress.Noted($"going on after epoch {curves.Epochs.Count}{batches} from {file}");
            return;
        }

        StartAlike();
        progress.Noted(goOn ? "no checkpoint to go on from: starting from the beginning" : "starting from the beginning");
    }

    /// <summary>Takes up the last whole checkpoint, and gives its file; null where there is none.</summary>
    private string? TakeUp()
    {
        if (LastCheckpoint.Open(setup.Folder, progress.Noted) is not var (checkpoint, file))
            return null;
        using (checkpoint)
            Resume(checkpoint);
        return file;
    }

    private void PrepareFolder(bool goOn)
    {
        Directory.CreateDirectory(setup.Folder.Path);
        setup.Folder.RemoveUnfinished();
        if (!goOn)
            setup.Folder.RemoveCheckpoints();
    }

    private void StartAlike()
    {
        SameState.Check(ranks, $"{curves.Epochs.Count} epochs, {unfinished.Batches} batches, {optimizer.Steps} steps", setup.Folder.Path);
        SameState.Broadcast(ranks, setup.Network);
    }

    /// <summary>Puts a checkpoint's weights, optimizer and curves in place.</summary>
    /// <exception cref="UserException">The checkpoint belongs to another network or optimizer.</exception>
    public void Resume(Checkpoint checkpoint)
    {
        checkpoint.LoadNetwork(setup.Network);
        optimizer.Load(checkpoint.Optimizer, checkpoint.State.OptimizerSteps);
        curves = checkpoint.State.Curves;
        unfinished = checkpoint.State.Unfinished;
        if (checkpoint.State.LossScale is { } scale)
            lossScale = new LossScale(scale, checkpoint.State.StepsWithoutOverflow);
    }

    /// <summary>Trains to the last epoch.</summary>
    /// <param name="cancellation">Stops after the batch at hand; what was done since the last checkpoint is lost.</param>
    /// <param name="preemption">Saves after the step at hand, and stops.</param>
    /// <exception cref="UserException">The loss is not a number, or a case cannot be read.</exception>
    /// <exception cref="TrainingInterruptedException">The preemption came true; the latest checkpoint is of this step.</exception>
    public void Run(CancellationToken cancellation = default, CancellationToken preemption = default)
    {
        var experiment = setup.Experiment;
        var (first, wasOver) = (curves.Epochs.Count, IsOver);
        Directory.CreateDirectory(setup.Folder.Path);
        agreement = new StepAgreement(ranks, preemption);
        var pace = new Pace(first, experiment.Epochs, experiment.IterationsPerEpoch, experiment.ValidationIterations);
        using var batches = new TrainingBatches(setup, part, first, unfinished.Batches, ranks.CoreSharers);
        try
        {
            progress.Started(Overview());
            while (!IsOver)
                RunEpoch(batches, pace, cancellation);
            if (curves.Epochs.Count < experiment.Epochs)
                progress.Noted($"stopped early: no better pseudo Dice for {curves.SinceBest} epochs");
            if (!wasOver || !File.Exists(setup.Folder.Final))
                Save(setup.Folder.Final);
            if (ranks.Rank == 0)
                setup.Folder.RemoveLatest();
            ranks.Barrier();
        }
        catch (Exception cause) when (OutOfMemory.IsSaidBy(cause))
        {
            throw TrainingMemoryAdvice.For(setup, cause);
        }
        finally
        {
            progress.Ended();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        reducer?.Dispose();
        optimizer.Dispose();
    }

    private void RunEpoch(TrainingBatches batches, Pace pace, CancellationToken cancellation)
    {
        var experiment = setup.Experiment;
        var clock = Stopwatch.StartNew();
        var (done, trainingLoss, earlier, leftOut) = unfinished;
        unfinished = default;
        var rate = LearningRate.At(experiment.Schedule, initialRate, curves.Epochs.Count, experiment.Epochs);
        double Seconds() => earlier + clock.Elapsed.TotalSeconds;

        double Next(BatchPurpose purpose, int count, Func<PreparedBatch, double> run)
        {
            cancellation.ThrowIfCancellationRequested();
            using var prepared = batches.Next();
            var value = run(prepared);
            var batch = prepared.Batch;
            if (!double.IsFinite(value))
                Judge(batch, value);
            pace.Stepped(purpose);
            progress.Stepped(new TrainingStep(batch.Key, count, value, pace.Remaining));
            return value;
        }

        void StopIfAsked(int batch)
        {
            if (agreement.StopAsked)
                throw Interrupted(new UnfinishedEpoch(batch, trainingLoss, Seconds(), leftOut));
        }

        setup.Network.train();
        for (var i = done; i < experiment.IterationsPerEpoch; i++)
        {
            if (i % experiment.BatchesPerStep == 0)
                StopIfAsked(i);
            var completes = (i + 1) % experiment.BatchesPerStep == 0;
            var value = Next(
                BatchPurpose.Training, experiment.IterationsPerEpoch, batch => TrainingStep(batch, completes ? rate : null, batches));
            if (double.IsFinite(value))
                trainingLoss += value;
            else
                leftOut++;
        }

        setup.Network.eval();
        var dice = new PseudoDice(setup.Labels);
        var validationLoss = 0.0;
        for (var i = 0; i < experiment.ValidationIterations; i++)
        {
            StopIfAsked(experiment.IterationsPerEpoch);
            validationLoss += Next(
                BatchPurpose.Validation, experiment.ValidationIterations, batch => ValidationStep(batch, dice, batches));
        }

        dice.SumOver(ranks, setup.Device);
        var (epoch, isBest) = curves.Add(
            rate,
            trainingLoss / (experiment.IterationsPerEpoch - leftOut),
            validationLoss / experiment.ValidationIterations,
            dice.Values,
            Seconds(),
            meter.EndEpoch(batches.TakeWaiting()));
        progress.EpochEnded(curves, pace.Remaining ?? TimeSpan.Zero);
        if (meter.Advice(epoch) is { } advice)
            progress.Warned(advice);
        SaveCheckpoints(isBest);
    }

    /// <summary>The gradients of a batch, and a step of the optimizer where they complete it.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="rate">The learning rate of the step; null where further batches belong to it.</param>
    /// <param name="batches">Prepares the next one before the loss is waited for.</param>
    /// <returns>The batch's loss.</returns>
    private double TrainingStep(PreparedBatch batch, double? rate, TrainingBatches batches)
    {
        using var scope = NewDisposeScope();
        SeedNetwork(batch.Batch);
        var factor = (lossScale?.Value ?? 1) / setup.Experiment.BatchesPerStep;
        Tensor value;
        using (rate is null ? null : reducer?.Watch())
            value = loss.Evaluate(setup.Network.forward(batch.Image), batch.Target, factor);
        if (rate is { } step)
        {
            reducer?.Finish();
            optimizer.Step(step, lossScale);
        }

        batches.PrepareNext();
        return agreement.Loss(value);
    }

    /// <summary>What a network itself draws (dropout) follows from the batch as well, on the host and on the device.</summary>
    private void SeedNetwork(Batch batch)
    {
        var seed = unchecked((long)batch.Random.Seed());
        random.manual_seed(seed);
        if (setup.Device.type == TorchSharp.DeviceType.CUDA)
            cuda.manual_seed_all(seed);
    }

    /// <summary>The loss of a validation batch; its voxels are counted for the pseudo Dice.</summary>
    private double ValidationStep(PreparedBatch batch, PseudoDice dice, TrainingBatches batches)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var maps = setup.Network.forward(batch.Image);
        dice.Add(maps[0], batch.Target);
        var value = loss.Evaluate(maps, batch.Target, gradientFactor: null);
        batches.PrepareNext();
        return agreement.Loss(value);
    }

    /// <summary>The best checkpoint comes first: a training that is killed between the two repeats the epoch and writes both.</summary>
    private void SaveCheckpoints(bool isBest)
    {
        if (isBest)
            Save(setup.Folder.Best);
        if (!IsOver && curves.Epochs.Count % setup.CheckpointInterval == 0)
            WriteLatest();
    }

    /// <summary>Rank 0 writes, but only what all ranks have reached: sums with one that is gone mean nothing.</summary>
    private void WriteLatest()
    {
        ranks.Barrier();
        if (ranks.Rank == 0)
            setup.Folder.WriteLatest(Write);
    }

    private void Save(string path)
    {
        ranks.Barrier();
        if (ranks.Rank > 0)
            return;
        Write(path);
        progress.Noted($"wrote {Path.GetFileName(path)}");
    }

    private void Write(string path) => Checkpoint.Write(
        path, CheckpointState.Of(setup, curves, unfinished, optimizer.Steps, lossScale), setup.Network, optimizer);

    private TrainingInterruptedException Interrupted(UnfinishedEpoch place)
    {
        unfinished = place;
        WriteLatest();
        ranks.Close();
        return new TrainingInterruptedException(
            $"stopped on request in epoch {curves.Epochs.Count + 1} after {place.Batches} batches; saved in {setup.Folder.Latest}: --continue goes on");
    }

    /// <summary>A batch's loss is not a number: in float16 its step has been left out, as others that overflow; else it ends the
    /// training.</summary>
    private void Judge(Batch batch, double value)
    {
        var isTraining = batch.Key.Purpose == BatchPurpose.Training;
        var where = $"epoch {batch.Key.Epoch + 1}, {(isTraining ? "training" : "validation")} batch {batch.Key.Iteration + 1}, "
            + $"cases {string.Join(", ", CasesOf(batch))}: the loss is {value}";
        if (!isTraining || lossScale is not { CanShrink: true })
            throw NotANumber(where);
        progress.Warned($"{where} in float16: the step is left out, the loss scale is now {lossScale.Value}");
    }

    private UserException NotANumber(string where)
    {
        var last = setup.Folder.Resumables.FirstOrDefault() is { } file
            ? $"the last good checkpoint is {file}: go on from it with --continue"
            : "there is no checkpoint yet: start again";
        return ranks.Common($"{where}; {last}, with a lower learning rate or after looking at these cases");
    }

    /// <summary>The cases of a batch, of all processes.</summary>
    private IEnumerable<string> CasesOf(Batch batch) =>
        ranks.Gather(string.Join('\n', batch.Cases)).SelectMany(names => names.Split('\n')).Distinct();

    private TrainingOverview Overview() => new(
        $"{setup.Identity.Dataset}, {setup.Identity.Configuration}, fold {setup.Identity.Fold}, seed {setup.Identity.Seed}",
        setup.Experiment.Network.Name,
        setup.Network.ParameterCount,
        setup.Patch,
        setup.Batch,
        setup.TrainingCases.Count,
        setup.ValidationCases.Count,
        TrainingDevice.Describe(setup.Device) + (ranks.Size > 1 ? $", {ranks.Size} processes" : ""),
        setup.ClassNames,
        curves.Epochs.Count,
        setup.Experiment.Epochs,
        setup.Folder.Path);
}
