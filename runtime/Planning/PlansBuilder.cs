using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Planning;

/// <summary>From dataset.json and fingerprint to plans (nnunetv2/experiment_planning of
/// MIC-DKFZ/nnUNet).</summary>
public sealed class PlansBuilder
{
    // Below this part of a case in the patch a low-resolution configuration is planned.
    private const double LowResolutionThreshold = 0.25;
    private const double LowResolutionStep = 1.03;

    // Below this relative size after cropping the background is mostly empty: z-scores use the nonzero mask.
    private const double MaskThreshold = 0.75;

    private readonly DatasetJson dataset;
    private readonly DatasetFingerprint fingerprint;
    private readonly PlanningSettings settings;
    private readonly ConfigurationPlanner configurations;

    private PlansBuilder(DatasetJson dataset, DatasetFingerprint fingerprint, PlanningSettings settings)
    {
        this.dataset = dataset;
        this.fingerprint = fingerprint;
        this.settings = settings;
        configurations = new ConfigurationPlanner(settings.Planner, settings.Gigabytes, dataset.Labels.Count);
    }

    /// <summary>Makes the plans of a dataset.</summary>
    /// <param name="dataset">dataset.json.</param>
    /// <param name="fingerprint">The fingerprint.</param>
    /// <param name="datasetName"><c>DatasetNNN_Name</c>.</param>
    /// <param name="imageReader">The name of the reader, for the plans.</param>
    /// <param name="settings">Planner, memory target, target spacing, name.</param>
    /// <exception cref="UserException">The settings are wrong, or the fingerprint does not belong to
    /// dataset.json.</exception>
    public static Plans Build(
        DatasetJson dataset, DatasetFingerprint fingerprint, string datasetName, string imageReader, PlanningSettings settings)
    {
        settings.ThrowIfWrong();
        if (fingerprint.Intensities.Count != dataset.ChannelNames.Count)
            throw new UserException(
                $"{datasetName}: its fingerprint has {fingerprint.Intensities.Count} channels, its dataset.json {dataset.ChannelNames.Count}: make the fingerprint again");
        return new PlansBuilder(dataset, fingerprint, settings).Make(datasetName, imageReader);
    }

    private Plans Make(string datasetName, string imageReader)
    {
        var target = settings.TargetSpacing ?? TargetSpacing.Of(fingerprint);
        var forward = TargetSpacing.TransposeForward(target);
        var medianShape = Transposed(OrderStatistics.MedianRow(fingerprint.Shapes), forward);
        JsonObject json = new()
        {
            ["dataset_name"] = datasetName,
            ["plans_name"] = settings.Name,
            ["original_median_spacing_after_transp"] =
                PythonJson.List(Transposed(OrderStatistics.MedianRow(fingerprint.Spacings), forward)),
            ["original_median_shape_after_transp"] = PythonJson.List(medianShape.Select(edge => (int)Math.Round(edge))),
            ["image_reader_writer"] = imageReader,
            ["transpose_forward"] = PythonJson.List(forward),
            ["transpose_backward"] = PythonJson.List(TargetSpacing.Inverse(forward)),
            ["configurations"] = Configurations(target, forward),
            ["experiment_planner_used"] = settings.Planner.ClassName,
            ["label_manager"] = "LabelManager",
            ["foreground_intensity_properties_per_channel"] = fingerprint.IntensitiesToJson(),
        };
        return new Plans(json, settings.Name + ".json");
    }

    private JsonObject Configurations(double[] target, int[] forward)
    {
        double[][] shapes =
        [
            .. fingerprint.Shapes.Zip(fingerprint.Spacings, (shape, spacing) =>
                TargetSpacing.NewShape(shape, spacing, target).Select(edge => (double)edge).ToArray()),
        ];
        var median = Transposed(OrderStatistics.MedianRow(shapes), forward);
        var spacing = Transposed(target, forward);
        var voxels = Product(median) * dataset.TrainingCases;
        JsonObject result = [];
        var plan2D = configurations.Plan(spacing[1..], median[1..], voxels);
        result["2d"] = Describe("2d", spacing[1..], PythonJson.List(median[1..]), plan2D, batchDice: true);
        if (median[0] == 1)
            return result;

        var full = configurations.Plan(spacing, median, voxels);
        if (LowResolution(spacing, median, full) is { } low)
        {
            var described = Describe("3d_lowres", low.Spacing, PythonJson.List(low.Median), low.Plan, batchDice: false);
            described["next_stage"] = "3d_cascade_fullres";
            result["3d_lowres"] = described;
            result["3d_fullres"] = Describe("3d_fullres", spacing, PythonJson.List(median), full, batchDice: true);
            result["3d_cascade_fullres"] = new JsonObject { ["inherits_from"] = "3d_fullres", ["previous_stage"] = "3d_lowres" };
        }
        else
        {
            result["3d_fullres"] = Describe("3d_fullres", spacing, PythonJson.List(median), full, batchDice: false);
        }

        return result;
    }

    // Coarser and coarser, the fine axes first, until the patch covers a quarter of the median case; null
    // where that is hardly coarser.
    private (double[] Spacing, int[] Median, ConfigurationPlan Plan)? LowResolution(
        double[] spacing, double[] median, ConfigurationPlan full)
    {
        var medianVoxels = Product(median);
        var plan = full;
        double[] low = [.. spacing];
        int[] lowMedian = [];
        while (Product(plan.Topology.PatchSize) / medianVoxels < LowResolutionThreshold)
        {
            var coarsest = low.Max();
            var uneven = low.Any(s => coarsest / s > 2);
            low = [.. low.Select(s => !uneven || coarsest / s > 2 ? s * LowResolutionStep : s)];
            double[] shape = [.. Enumerable.Range(0, 3).Select(axis => spacing[axis] / low[axis] * median[axis])];
            medianVoxels = Product(shape);
            lowMedian = [.. shape.Select(edge => (int)Math.Round(edge))];
            plan = configurations.Plan(low, [.. lowMedian], medianVoxels * dataset.TrainingCases);
        }

        return plan == full || Product(median) / medianVoxels < 2 ? null : (low, lowMedian, plan);
    }

    private JsonObject Describe(string name, double[] spacing, JsonArray medianSize, ConfigurationPlan plan, bool batchDice)
    {
        string[] schemes = [.. dataset.ChannelNames.Select(Normalizations.OfChannel)];
        var useMask = fingerprint.MedianRelativeSize < MaskThreshold;
        const string function = ResamplingSettings.DefaultFunction;
        return new JsonObject
        {
            ["data_identifier"] = settings.Planner.DataIdentifier(settings.Name, name),
            ["preprocessor_name"] = "DefaultPreprocessor",
            ["batch_size"] = plan.BatchSize,
            ["patch_size"] = PythonJson.List(plan.Topology.PatchSize),
            ["median_image_size_in_voxels"] = medianSize,
            ["spacing"] = PythonJson.List(spacing),
            ["normalization_schemes"] = PythonJson.List(schemes),
            ["use_mask_for_norm"] = PythonJson.List(schemes.Select(scheme => useMask && scheme == Normalizations.ZScore)),
            ["resampling_fn_data"] = function,
            ["resampling_fn_seg"] = function,
            ["resampling_fn_data_kwargs"] = ResamplingSettings.DefaultData.ToJson(),
            ["resampling_fn_seg_kwargs"] = ResamplingSettings.DefaultSegmentation.ToJson(),
            ["resampling_fn_probabilities"] = function,
            ["resampling_fn_probabilities_kwargs"] = ResamplingSettings.DefaultProbabilities.ToJson(),
            ["architecture"] = configurations.Architecture(plan).ToJson(),
            ["batch_dice"] = batchDice,
        };
    }

    private static double[] Transposed(double[] values, int[] forward) => [.. forward.Select(axis => values[axis])];

    private static double Product(IEnumerable<double> values) => values.Aggregate(1.0, (product, value) => product * value);

    private static double Product(IEnumerable<int> values) => values.Aggregate(1.0, (product, value) => product * value);
}
