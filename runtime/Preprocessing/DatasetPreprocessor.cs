using System.Runtime.ExceptionServices;
using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Planning;
using MedSegDsl.Runtime.Storage;

namespace MedSegDsl.Runtime.Preprocessing;

/// <summary>
/// Preprocesses the training cases of a dataset into nnUNet_preprocessed/DatasetNNN_Name/DATA_IDENTIFIER.
/// Cases that an earlier run finished with the same settings are kept; a case appears whole or not at all.
/// </summary>
public sealed class DatasetPreprocessor
{
    /// <summary>Ends the name of the file beside a folder of cases that records with which settings they were made; inside,
    /// nnU-Net would take it for a case.</summary>
    public const string SettingsEnding = ".preprocessing.json";
    private readonly DatasetJson dataset;
    private readonly Plans plans;
    private readonly string target;
    private readonly IReadOnlyList<CaseFiles> cases;
    private readonly IImageReader reader;

    /// <summary>A preprocessor for the training cases of a dataset.</summary>
    /// <param name="rawDatasetFolder">nnUNet_raw/DatasetNNN_Name.</param>
    /// <param name="preprocessedDatasetFolder">nnUNet_preprocessed/DatasetNNN_Name.</param>
    /// <param name="plans">The dataset's plans.</param>
    /// <exception cref="UserException">dataset.json, the cases or the reader are missing or
    /// wrong.</exception>
    public DatasetPreprocessor(string rawDatasetFolder, string preprocessedDatasetFolder, Plans plans)
    {
        (this.plans, target) = (plans, preprocessedDatasetFolder);
        dataset = DatasetJson.ReadFrom(rawDatasetFolder);
        cases = CaseList.Training(rawDatasetFolder, dataset);
        reader = ImageReaders.ByName(plans.ImageReaderWriter);
    }

    /// <summary>The folder of a configuration's cases.</summary>
    public string FolderOf(PlansConfiguration configuration) => Path.Combine(target, configuration.DataIdentifier);

    /// <summary>Preprocesses all cases for some configurations; those that share their data are done
    /// once.</summary>
    /// <param name="configurations">Names of configurations in the plans.</param>
    /// <param name="options">Threads and memory.</param>
    /// <param name="progress">Called after each case, by any thread but one at a time.</param>
    /// <param name="note">Told what is worth knowing, in one line.</param>
    /// <param name="cancellation">Stops after the cases in work.</param>
    /// <exception cref="UserException">The first case that failed, by name; finished cases stay.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public void Run(
        IReadOnlyList<string> configurations, PreprocessingOptions options,
        Action<PreprocessingProgress>? progress = null, Action<string>? note = null,
        CancellationToken cancellation = default)
    {
        var distinct = configurations.Select(plans.Configuration)
            .DistinctBy(configuration => configuration.DataIdentifier)
            .ToArray();
        CasePreprocessor[] preprocessors =
            [.. distinct.Select(configuration => new CasePreprocessor(plans, configuration, dataset.LabelManager))];
        GroundTruth.Copy(cases, dataset.FileEnding, target);
        foreach (var (configuration, preprocessor) in distinct.Zip(preprocessors))
            Run(configuration, preprocessor, options, progress, note, cancellation);
    }

    private void Run(
        PlansConfiguration configuration, CasePreprocessor preprocessor, PreprocessingOptions options,
        Action<PreprocessingProgress>? progress, Action<string>? note, CancellationToken cancellation)
    {
        var folder = FolderOf(configuration);
        AtomicFile.RemoveLeftovers(folder);
        if (!options.Overwrite && IsAnotherPrograms(configuration))
            note?.Invoke($"{folder}: holds all cases, preprocessed by nnU-Net; they are kept (--overwrite preprocesses them again)");
        else
            ForgetOutdatedCases(folder, configuration, options);
        var done = 0;
        var reporting = new Lock();
        var finished = cases.Where(files => VolumeStore.IsComplete(folder, files.Id)).ToList();
        foreach (var files in finished)
            Report(files, isNew: false);
        var open = cases.Except(finished).ToArray();
        if (open.Length == 0)
            return;

        // The first case has all threads, and shows how many cases fit into memory side by side.
        var budget = new MemoryBudget(options.MemoryBytes);
        var largest = Preprocess(open[0], folder, preprocessor, options, options.Threads, budget, 0, cancellation);
        Report(open[0], isNew: true);
        var workers = (int)Math.Clamp(options.MemoryBytes / largest, 1, options.Threads);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        ExceptionDispatchInfo? failure = null;
        Workers.For(open.Length - 1, workers, () => 0, (index, _) =>
        {
            if (stop.IsCancellationRequested)
                return;
            try
            {
                var files = open[index + 1];
                var bytes = Preprocess(
                    files, folder, preprocessor, options, options.Threads / workers, budget,
                    Interlocked.Read(ref largest), stop.Token);
                lock (reporting)
                    largest = Math.Max(largest, bytes);
                Report(files, isNew: true);
            }
            catch (Exception cause)
            {
                if (Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(cause), null) is null)
                    stop.Cancel();
            }
        });
        failure?.Throw();
        cancellation.ThrowIfCancellationRequested();

        void Report(CaseFiles files, bool isNew)
        {
            lock (reporting)
                progress?.Invoke(new(configuration.Name, files.Id, isNew, ++done, cases.Count));
        }
    }

    /// <summary>Preprocesses one case and returns the memory that it took.</summary>
    private long Preprocess(
        CaseFiles files, string folder, CasePreprocessor preprocessor, PreprocessingOptions options, int threads,
        MemoryBudget budget, long expected, CancellationToken cancellation)
    {
        budget.Reserve(expected, cancellation);
        try
        {
            var loaded = CaseLoader.Load(reader, files, dataset);
            var needed = preprocessor.MemoryFor(loaded.Image.Channels, loaded.Image.Shape, loaded.Spacing);
            if (needed > expected)
            {
                budget.Release(expected);
                expected = 0;
                budget.Reserve(needed, cancellation);
                expected = needed;
            }

            var preprocessed = preprocessor.Preprocess(loaded.Image, loaded.Spacing, loaded.Segmentation, threads);
            VolumeStore.Write(
                folder, files.Id, preprocessed, options.Compress, new CaseOrigin(reader.Name, loaded.Geometry));
            return needed;
        }
        catch (UserException cause)
        {
            throw new UserException($"case {files.Id}: {cause.Message}", cause);
        }
        catch (OutOfMemoryException cause)
        {
            throw new UserException(
                $"case {files.Id}: not enough memory; use fewer threads, or a machine with more", cause);
        }
        catch (Exception cause) when (cause is not OperationCanceledException)
        {
            throw new InvalidOperationException($"case {files.Id}: {cause.Message}", cause);
        }
        finally
        {
            budget.Release(expected);
        }
    }

    /// <summary>Whether all cases are there without a record of their settings: nnU-Net, which makes all or none, left
    /// them.</summary>
    private bool IsAnotherPrograms(PlansConfiguration configuration) => cases.Count > 0
        && !File.Exists(FolderOf(configuration) + SettingsEnding)
        && cases.All(files => VolumeStore.IsComplete(FolderOf(configuration), files.Id));

    /// <summary>Cases made with other settings, or in another form, are no use: they are taken out before the settings are
    /// recorded.</summary>
    private void ForgetOutdatedCases(string folder, PlansConfiguration configuration, PreprocessingOptions options)
    {
        var path = folder + SettingsEnding;
        var settings = Settings(configuration, options.Compress);
        var isSame = File.Exists(path)
            && JsonNode.DeepEquals(PythonJson.Parse(PythonJson.ToText(settings), path), PythonJson.Read(path));
        if (!isSame || options.Overwrite)
            foreach (var caseId in VolumeStore.CompleteCases(folder))
                VolumeStore.Remove(folder, caseId);
        if (!isSame)
            PythonJson.Write(path, settings);
    }

    private JsonObject Settings(PlansConfiguration configuration, bool compress) => new()
    {
        ["compressed"] = compress,
        ["transpose_forward"] = PythonJson.List(plans.TransposeForward),
        ["spacing"] = PythonJson.List(configuration.Spacing),
        ["normalization_schemes"] = PythonJson.List(configuration.NormalizationSchemes),
        ["use_mask_for_norm"] = PythonJson.List(configuration.UseMaskForNorm),
        ["resampling_data"] = configuration.ResamplingData.ToJson(),
        ["resampling_segmentation"] = configuration.ResamplingSegmentation.ToJson(),
        ["foreground_intensity_properties"] =
            new JsonArray([.. plans.IntensityProperties.Select(channel => channel.ToJson())]),
        ["labels"] = dataset.Json["labels"]?.DeepClone(),
    };
}
