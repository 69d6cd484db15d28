using System.Collections.Concurrent;
using System.Numerics.Tensors;
using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Imaging.Natural;
using MedSegDsl.Runtime.Preprocessing;
using MedSegDsl.Runtime.Storage;

namespace MedSegDsl.Runtime.Inference;

/// <summary>
/// Predicts images with a trained model. While the device works on one case, the next is read and preprocessed and the
/// last one exported; no more than one case waits on either side. A case that fails does not stop the others.
/// </summary>
public sealed class FolderPrediction
{
    private readonly TrainedModel model;
    private readonly PredictionOptions options;
    private readonly string output;
    private readonly IImageReader reader;
    private readonly ConcurrentDictionary<int, string> failures = new();
    private readonly ConcurrentDictionary<int, string> written = new();
    private readonly ConcurrentQueue<string> notes = new();

    private FolderPrediction(TrainedModel model, string output, PredictionOptions options)
    {
        this.model = model;
        this.options = options;
        this.output = output;
        reader = ImageReaders.ByName(model.Plans.ImageReaderWriter);
    }

    /// <summary>Predicts the cases of a folder, or one image.</summary>
    /// <param name="model">The model.</param>
    /// <param name="input">What <see cref="InputCases.In"/> takes.</param>
    /// <param name="output">
    /// The folder for CASE.nii.gz; it also gets plans.json, dataset.json and predict_from_raw_data_args.json.
    /// </param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told after each tile, on the thread of the device.</param>
    /// <param name="cancellation">Stops between two tiles.</param>
    /// <exception cref="UserException">There is nothing to predict, or the output folder cannot be written.</exception>
    public static PredictionResult Run(
        TrainedModel model,
        string input,
        string output,
        PredictionOptions options,
        Action<PredictionProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        if (options.Parts < 1 || options.Part < 0 || options.Part >= options.Parts)
            throw new UserException($"part {options.Part} of {options.Parts}: parts count from 0 to {options.Parts - 1}");
        CheckPreviousStage(model, input, options.PreviousStage);
        var cases = InputCases.In(input, model.Dataset).Where((_, i) => i % options.Parts == options.Part).ToArray();
        var run = new FolderPrediction(model, output, options);
        run.Describe(input);
        CaseFiles[] waiting = [.. cases.Where(one => options.Overwrite || !run.IsThere(one))];
        run.Predict(waiting, progress, cancellation);
        return new PredictionResult(
            [.. run.written.OrderBy(pair => pair.Key).Select(pair => pair.Value)],
            [.. cases.Except(waiting).Select(run.LabelFile)],
            [.. run.failures.OrderBy(pair => pair.Key).Select(pair => pair.Value)])
        {
            Notes = [.. run.notes],
        };
    }

    private static void CheckPreviousStage(TrainedModel model, string input, string? folder)
    {
        const string Option = "--prev-stage-predictions";
        var name = model.Configuration.Name;
        if (model.Configuration.PreviousStage is not { } stage)
        {
            if (folder is not null)
                throw new UserException($"{model.Folder}: {name} is not the second stage of a cascade: leave out {Option}");
            return;
        }

        var first = model.Folder.EndsWith(name, StringComparison.Ordinal) ? model.Folder[..^name.Length] + stage : $"MODEL_OF_{stage}";
        var command = $"medseg predict -i {input} -o FOLDER -m {first}";
        if (folder is null)
            throw new UserException($"{model.Folder}: {name} needs the predictions of {stage} for the same images: make them with {command}, and name their folder with {Option}");
        if (!Directory.Exists(folder))
            throw new UserException($"{folder}: no such folder; the predictions of {stage} are expected there; make them with {command}");
    }

    private void Predict(CaseFiles[] cases, Action<PredictionProgress>? progress, CancellationToken cancellation)
    {
        var window = new SlidingWindowOptions(model.Patch, options.UseMirroring ? model.MirrorAxes : [])
        {
            StepFraction = options.StepFraction,
        };
        using var predictor = new CasePredictor(
            model.Plans, model.Configuration, model.Dataset.LabelManager, window, model.Device)
        {
            Note = notes.Enqueue,
        };
        var networks = model.Networks.Select(CasePredictor.Function).ToArray();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var prepared = new BlockingCollection<PreparedCase>(1);
        using var predicted = new BlockingCollection<PredictedCase>(1);

        // Started on threads of their own: both wait most of the time.
        var preparing = Task.Factory.StartNew(() =>
        {
            for (var i = 0; i < cases.Length; i++)
                Attempt(i, cases[i], () => prepared.Add(Prepare(predictor, i, cases[i]), stop.Token));
            prepared.CompleteAdding();
        }, stop.Token, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var exporting = Task.Factory.StartNew(() =>
        {
            foreach (var one in predicted.GetConsumingEnumerable(stop.Token))
                Attempt(one.Index, one.Files, () => Export(predictor, one));
        }, stop.Token, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        try
        {
            foreach (var one in prepared.GetConsumingEnumerable(stop.Token))
            {
                Attempt(one.Index, one.Files, () =>
                {
                    void Tell(int tile, int tiles) => progress?.Invoke(new(one.Files.Id, one.Index, cases.Length, tile, tiles));
                    var result = new PredictedCase(one.Index, one.Files, one.Geometry, one.Preprocessed.Properties);
                    predicted.Add(
                        options.SaveProbabilities
                            ? result with { Logits = predictor.Predict(networks, one.Preprocessed.Image, Tell, stop.Token) }
                            : result with { Labels = predictor.PredictLabels(networks, one.Preprocessed, Tell, stop.Token) },
                        stop.Token);
                });
            }

            predicted.CompleteAdding();
            Task.WaitAll(preparing, exporting);
        }
        catch
        {
            // What the other threads meet now is this exception's doing; what they hold must not outlive the run.
            stop.Cancel();
            Task.WhenAll(preparing, exporting).ContinueWith(_ => { }, TaskScheduler.Default).Wait(CancellationToken.None);
            throw;
        }
    }

    private PreparedCase Prepare(CasePredictor predictor, int index, CaseFiles files)
    {
        // One file of a colour picture holds three channels.
        if (reader is not NaturalImageReader)
            InputCases.CheckChannels(files, model.Dataset);
        var image = reader.ReadChannels(files.Images);
        if (!TensorPrimitives.IsFiniteAll<float>(image.Voxels.Data))
            throw new UserException($"{string.Join(", ", files.Images)}: contains NaN or infinite voxels; replace them");
        var preprocessed = predictor.Preprocess(image, PreviousStage(files, image));
        options.InMemory?.Invoke(files.Id);
        return new PreparedCase(index, files, image.Geometry, preprocessed);
    }

    /// <summary>What the first stage of a cascade said about a case; null outside a cascade.</summary>
    private ImageArray<short>? PreviousStage(CaseFiles files, LoadedImage<float> image)
    {
        if (options.PreviousStage is not { } folder)
            return null;
        var file = Path.Combine(folder, files.Id + model.Dataset.FileEnding);
        return File.Exists(file)
            ? CaseLoader.LoadLabels(reader, file, image, model.Dataset)
            : throw new UserException($"{file}: no such file; predict the case with {model.Configuration.PreviousStage} first");
    }

    private void Export(CasePredictor predictor, PredictedCase one)
    {
        var file = LabelFile(one.Files);
        if (one.Logits is not null)
        {
            var (labels, probabilities) = predictor.SegmentWithProbabilities(one.Logits, one.Properties);
            ProbabilityFile.Write(ProbabilityFileOf(one.Files), probabilities);
            CasePickle.WriteBeside(ProbabilityFileOf(one.Files), one.Properties, new CaseOrigin(reader.Name, one.Geometry));
            reader.WriteLabels(file, labels, one.Geometry);
        }
        else
        {
            reader.WriteLabels(file, one.Labels!, one.Geometry);
        }

        written[one.Index] = file;
    }

    /// <summary>Does a step of a case. Whatever goes wrong is that case's failure, and no other's.</summary>
    private void Attempt(int index, CaseFiles files, Action step)
    {
        try
        {
            step();
        }
        catch (UserException cause)
        {
            failures[index] = cause.Message.Contains(files.Id, StringComparison.Ordinal) ? cause.Message : $"{files.Id}: {cause.Message}";
        }
        catch (Exception cause) when (cause is not OperationCanceledException)
        {
            // libtorch's messages go on with a stack of native frames.
            var line = cause.Message.Split('\n')[0];
            failures[index] = $"{files.Id}: {line} ({cause.GetType().Name})";
        }
    }

    private string LabelFile(CaseFiles files) => Path.Combine(output, files.Id + model.Dataset.FileEnding);

    private string ProbabilityFileOf(CaseFiles files) => Path.Combine(output, files.Id + ".npz");

    private bool IsThere(CaseFiles files) =>
        File.Exists(LabelFile(files)) && (!options.SaveProbabilities || File.Exists(ProbabilityFileOf(files)));

    /// <summary>What the output folder needs for evaluation and post-processing, and how it was made.</summary>
    private void Describe(string input)
    {
        model.Plans.Write(Path.Combine(output, "plans.json"));
        PythonJson.Write(Path.Combine(output, "dataset.json"), model.Dataset.Json);
        PythonJson.Write(Path.Combine(output, "predict_from_raw_data_args.json"), new JsonObject
        {
            ["list_of_lists_or_source_folder"] = input,
            ["output_folder_or_list_of_truncated_output_files"] = output,
            ["save_probabilities"] = options.SaveProbabilities,
            ["overwrite"] = options.Overwrite,
            ["folder_with_segs_from_prev_stage"] = options.PreviousStage,
            ["num_parts"] = options.Parts,
            ["part_id"] = options.Part,
            ["model_folder"] = model.Folder,
            ["folds"] = PythonJson.List(model.Folds),
            ["checkpoint"] = model.CheckpointName,
            ["tile_step_size"] = options.StepFraction,
            ["use_mirroring"] = options.UseMirroring,
        }, sortKeys: true);
    }

    private sealed record PreparedCase(int Index, CaseFiles Files, ImageGeometry Geometry, PreprocessedCase Preprocessed);

    /// <summary>A case with its label map, or with its logits where its probabilities are wanted.</summary>
    private sealed record PredictedCase(int Index, CaseFiles Files, ImageGeometry Geometry, CaseProperties Properties)
    {
        public ImageArray<short>? Labels { get; init; }

        public Logits? Logits { get; init; }
    }
}
