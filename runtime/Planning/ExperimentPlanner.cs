using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Planning;

/// <summary>How a dataset is planned.</summary>
public sealed record PlanOptions
{
    /// <summary>Planner, memory target, target spacing, name of the plans.</summary>
    public PlanningSettings Settings { get; init; } = PlanningSettings.Default;

    /// <summary>Check every file first.</summary>
    public bool VerifyIntegrity { get; init; }

    /// <summary>Make the fingerprint again although there is one.</summary>
    public bool Clean { get; init; }

    /// <summary>Cases read at the same time, at most.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Memory for the cases that are read at the same time; by default 70 % of what the process may
    /// use.</summary>
    public long MemoryBytes { get; init; } = (long)(0.7 * GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    /// <summary>Foreground values drawn for the fingerprint; only the default gives nnU-Net's
    /// numbers.</summary>
    public int Draws { get; init; } = FingerprintExtractor.DefaultDraws;

    /// <summary>Told after each case that was checked.</summary>
    public IProgress<CaseProgress>? IntegrityProgress { get; init; }

    /// <summary>Told after each case that entered the fingerprint.</summary>
    public IProgress<CaseProgress>? FingerprintProgress { get; init; }
}

/// <summary>What planning left.</summary>
/// <param name="Plans">The plans as written.</param>
/// <param name="PlansFile">Where they are.</param>
/// <param name="Fingerprint">The fingerprint.</param>
/// <param name="Warnings">What the integrity check found worth a look.</param>
public sealed record PlanResult(Plans Plans, string PlansFile, DatasetFingerprint Fingerprint, IReadOnlyList<string> Warnings);

/// <summary>Plans a raw dataset: fingerprint, plans, copies of dataset.json and splits into
/// nnUNet_preprocessed.</summary>
public static class ExperimentPlanner
{
    /// <summary>Plans a dataset. A fingerprint that fits the dataset is used again; plans of the same name
    /// keep their other configurations.</summary>
    /// <param name="folders">nnU-Net's folders.</param>
    /// <param name="datasetName"><c>DatasetNNN_Name</c>.</param>
    /// <param name="options">How.</param>
    /// <param name="cancel">Stops between cases; nothing is written then.</param>
    /// <exception cref="UserException">A file is missing, corrupt or wrong; nothing is written
    /// then.</exception>
    public static PlanResult Plan(
        NnUNetFolders folders, string datasetName, PlanOptions options, CancellationToken cancel = default)
    {
        options.Settings.ThrowIfWrong();
        var raw = folders.RawDataset(datasetName);
        var target = folders.PreprocessedDataset(datasetName);
        var dataset = DatasetJson.ReadFrom(raw);
        var cases = CaseList.Training(raw, dataset);
        var reader = ImageReaders.For(dataset, cases.FirstOrDefault()?.Images[0]);
        CaseLoop Loop() => new(options.Threads, options.MemoryBytes);
        IReadOnlyList<string> warnings = [];
        if (options.VerifyIntegrity)
        {
            var report = DatasetIntegrity.Check(dataset, cases, reader, Loop(), options.IntegrityProgress, cancel);
            report.ThrowIfBroken();
            warnings = report.Warnings;
        }

        var copySplits = SplitsToCopy(raw, target);
        var fingerprintFile = Path.Combine(target, DatasetFingerprint.FileName);
        var fingerprint = options.Clean ? null : Existing(fingerprintFile, cases.Count, dataset);
        if (fingerprint is null)
        {
            fingerprint = FingerprintExtractor.Extract(
                cases, dataset, reader, Loop(), options.Draws, options.FingerprintProgress, cancel);
            fingerprint.Write(fingerprintFile);
        }

        var plans = PlansBuilder.Build(dataset, fingerprint, datasetName, reader.Name, options.Settings);
        var plansFile = Path.Combine(target, options.Settings.Name + ".json");
        plans = KeepOthers(plans, plansFile);
        plans.Write(plansFile);
        Copy(dataset.Source, Path.Combine(target, "dataset.json"));
        if (copySplits)
            Copy(Path.Combine(raw, Splits.FileName), Path.Combine(target, Splits.FileName));
        return new(plans, plansFile, fingerprint, warnings);
    }

    /// <summary>New plans with the configurations of other names that an existing file has, such as ones
    /// written by hand.</summary>
    /// <param name="plans">New plans.</param>
    /// <param name="file">The file, which need not exist.</param>
    /// <exception cref="UserException">The file is no plans file.</exception>
    public static Plans KeepOthers(Plans plans, string file)
    {
        if (!File.Exists(file))
            return plans;
        var json = (JsonObject)plans.Json.DeepClone();
        var configurations = (JsonObject)json["configurations"]!;
        foreach (var (name, old) in JsonFields.Read(file).Object("configurations").Json)
            if (!configurations.ContainsKey(name))
                configurations[name] = old?.DeepClone();
        return new Plans(json, file);
    }

    private static DatasetFingerprint? Existing(string file, int cases, DatasetJson dataset)
    {
        if (!File.Exists(file))
            return null;
        var fingerprint = DatasetFingerprint.Read(file);
        return fingerprint.Shapes.Count == cases && fingerprint.Intensities.Count == dataset.ChannelNames.Count ? fingerprint : null;
    }

    // A splits file beside the raw data is the dataset's own; one that is there already must agree with it.
    private static bool SplitsToCopy(string raw, string target)
    {
        var (own, existing) = (Path.Combine(raw, Splits.FileName), Path.Combine(target, Splits.FileName));
        if (!File.Exists(own))
            return false;
        var ownSplits = Splits.Read(own);
        if (!File.Exists(existing))
            return true;
        var existingSplits = Splits.Read(existing);
        for (var fold = 0; fold < ownSplits.Count; fold++)
        {
            if (fold >= existingSplits.Count || !Same(ownSplits[fold], existingSplits[fold]))
                throw new UserException($"{existing}: fold {fold} differs from that of {own}; delete the file that is wrong");
        }

        return false;
    }

    private static bool Same(Split a, Split b) => a.Train.ToHashSet().SetEquals(b.Train) && a.Validation.ToHashSet().SetEquals(b.Validation);

    private static void Copy(string from, string to)
    {
        var content = File.ReadAllBytes(from);
        AtomicFile.Write(to, stream => stream.Write(content));
    }
}
