using MedSegDsl.Models;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Measurement;
using MedSegDsl.Runtime.Planning;
using MedSegDsl.Runtime.Preprocessing;
using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Inference;

/// <summary>
/// Segments cases of one configuration with one or more networks: preprocessing, sliding window, and back to the image's
/// grid. The three steps may run on three threads, for three cases.
/// </summary>
public sealed class CasePredictor : IDisposable
{
    private readonly Plans plans;
    private readonly PlansConfiguration configuration;
    private readonly LabelManager labels;
    private readonly CasePreprocessor preprocessor;
    private readonly SlidingWindowOptions options;
    private readonly torch.Device device;
    private readonly IReadOnlyList<AccumulationPlan> accumulations;
    private SlidingWindowPredictor predictor;
    private int accumulation;

    /// <summary>A predictor for networks on one device.</summary>
    /// <param name="plans">The plans that the networks were trained with.</param>
    /// <param name="configuration">One of their configurations.</param>
    /// <param name="labels">The labels of the dataset.</param>
    /// <param name="options">Patch, mirroring, steps.</param>
    /// <param name="device">Where the networks are.</param>
    /// <exception cref="UserException">The plans or the options ask for something that is not there.</exception>
    public CasePredictor(
        Plans plans, PlansConfiguration configuration, LabelManager labels, SlidingWindowOptions options, torch.Device device)
    {
        this.plans = plans;
        this.configuration = configuration;
        this.labels = labels;
        preprocessor = new CasePreprocessor(plans, configuration, labels);
        this.options = options;
        this.device = device;
        accumulations = AccumulationPlan.Of(options.Accumulation, device);
        predictor = new SlidingWindowPredictor(options, device);
        Threads = device.type == DeviceType.CPU ? 1 : Math.Max(1, Environment.ProcessorCount / 2);
    }

    /// <summary>Threads for each of preprocessing and export; one where the network itself runs on the CPU.</summary>
    public int Threads { get; init; }

    /// <summary>Told in a line when memory runs out and the prediction goes on in another way.</summary>
    public Action<string>? Note { get; init; }

    /// <summary>
    /// The final class map of a network as a function of tiles: (1, C, D, H, W), or (1, C, H, W) for a 2D configuration,
    /// whose slices it gets as volumes of depth 1.
    /// </summary>
    public static Func<Tensor, Tensor> Function(SegmentationNetwork network) => tile =>
        tile.ndim == 4 ? network.Predict(tile.unsqueeze(2)).squeeze(2) : network.Predict(tile);

    /// <summary>Preprocesses an image for the networks.</summary>
    /// <param name="image">The image.</param>
    /// <param name="previousStage">In the second stage of a cascade, the first one's label map on the image's grid.</param>
    /// <exception cref="UserException">It has another number of channels than the plans.</exception>
    public PreprocessedCase Preprocess(LoadedImage<float> image, ImageArray<short>? previousStage = null)
    {
        var prepared = preprocessor.Preprocess(image.Voxels, image.Geometry.Spacing, previousStage, Threads);
        return previousStage is null
            ? prepared
            : prepared with
            {
                Image = PreviousStageChannels.Append(prepared.Image, prepared.Segmentation, labels.ForegroundLabels),
            };
    }

    /// <summary>The mean of the networks' logits on the grid of a preprocessed image.</summary>
    /// <param name="networks">The networks, one for each fold, in evaluation mode.</param>
    /// <param name="image">The preprocessed image.</param>
    /// <param name="progress">Called after each tile with the number done and of all, those of all networks.</param>
    /// <param name="cancellation">Stops between two tiles.</param>
    /// <exception cref="UserException">A network's output is not finite.</exception>
    public Logits Predict(
        IReadOnlyList<Func<Tensor, Tensor>> networks,
        ImageArray<float> image,
        Action<int, int>? progress = null,
        CancellationToken cancellation = default)
    {
        Logits? sum = null;
        for (var i = 0; i < networks.Count; i++)
        {
            var before = i;
            var logits = WithinMemory(image, window => window.Predict(
                networks[before],
                image,
                (done, tiles) => progress?.Invoke(before * tiles + done, networks.Count * tiles),
                cancellation));
            Check(logits.Classes);
            if (sum is null)
                sum = logits;
            else
                sum.Add(logits);
        }

        if (networks.Count > 1)
            sum!.Divide(networks.Count);
        return sum ?? throw new ArgumentException("no network");
    }

    /// <summary>
    /// The label map on the grid of the image file, exported while the networks predict: logits are never held for the
    /// whole image, where its way back allows that.
    /// </summary>
    /// <param name="networks">The networks, one for each fold, in evaluation mode; each tile goes through all of them.</param>
    /// <param name="prepared">The preprocessed case.</param>
    /// <param name="progress">Called after each tile with the number done and of all.</param>
    /// <param name="cancellation">Stops between two tiles.</param>
    /// <exception cref="UserException">A network's output is not finite, or a patch needs more memory than the device has.</exception>
    public ImageArray<short> PredictLabels(
        IReadOnlyList<Func<Tensor, Tensor>> networks,
        PreprocessedCase prepared,
        Action<int, int>? progress = null,
        CancellationToken cancellation = default)
    {
        var grid = ExportGrid.Of(plans, configuration, prepared.Properties);
        var shape = prepared.Image.Shape;
        if (!SlabExporter.CanExport(grid, shape))
            return Segment(Predict(networks, prepared.Image, progress, cancellation), prepared.Properties);
        return WithinMemory(prepared.Image, window =>
        {
            var exporter = new SlabExporter(grid, shape, labels.RegionsClassOrder, Threads);
            window.Predict(tile => Mean(networks, tile), prepared.Image, exporter, progress, cancellation);
            return exporter.ToFile();
        });
    }

    /// <summary>The label map on the grid of the image file.</summary>
    /// <param name="logits">What <see cref="Predict"/> gave.</param>
    /// <param name="properties">What preprocessing did to the case.</param>
    public ImageArray<short> Segment(Logits logits, CaseProperties properties) =>
        Exporter.Segment(logits, ExportGrid.Of(plans, configuration, properties), labels.RegionsClassOrder, Threads);

    /// <summary>The label map on the grid of the image file, and the probabilities.</summary>
    /// <param name="logits">What <see cref="Predict"/> gave.</param>
    /// <param name="properties">What preprocessing did to the case.</param>
    public (ImageArray<short> Labels, Logits Probabilities) SegmentWithProbabilities(Logits logits, CaseProperties properties) =>
        Exporter.SegmentWithProbabilities(
            logits, ExportGrid.Of(plans, configuration, properties), labels.RegionsClassOrder, Threads);

    /// <inheritdoc />
    public void Dispose() => predictor.Dispose();

    /// <summary>Predicts; where memory runs out, again in a way that needs less.</summary>
    private T WithinMemory<T>(ImageArray<float> image, Func<SlidingWindowPredictor, T> predict)
    {
        var window = new SlidingWindow(image.Shape, options.Patch, options.StepFraction);
        while (accumulation + 1 < accumulations.Count && !accumulations[accumulation].Fits(window, labels.Outputs))
            GoOn("the sums of all classes would take too much of this machine's memory");
        while (true)
        {
            try
            {
                return predict(predictor);
            }
            catch (Exception cause) when (OutOfMemory.IsSaidBy(cause))
            {
                if (accumulation + 1 == accumulations.Count)
                {
                    throw new UserException(
                        $"the device has too little memory for a patch of {string.Join(" × ", options.Patch)}: predict on the CPU", cause);
                }

                GoOn("the device is out of memory");
            }
        }
    }

    private void GoOn(string reason)
    {
        var plan = accumulations[++accumulation];
        Note?.Invoke($"{reason}: {plan.Description}");
        predictor.Dispose();
        predictor = new SlidingWindowPredictor(options with { Accumulation = plan.Type }, device, plan.Device);
    }

    /// <summary>The mean of the networks' logits of one tile.</summary>
    private Tensor Mean(IReadOnlyList<Func<Tensor, Tensor>> networks, Tensor tile)
    {
        if (networks.Count == 0)
            throw new ArgumentException("no network");
        var first = networks[0](tile);
        Check((int)first.shape[1]);
        if (networks.Count == 1)
            return first;
        using var scope = NewDisposeScope();
        var sum = first.to(ScalarType.Float32, copy: true);
        first.Dispose();
        foreach (var network in networks.Skip(1))
        {
            using var one = NewDisposeScope();
            sum.add_(network(tile));
        }

        return sum.div_(networks.Count).MoveToOuterDisposeScope();
    }

    private void Check(int outputs)
    {
        if (outputs != labels.Outputs)
            throw new UserException($"the network gives {outputs} maps, but the labels ask for {labels.Outputs}");
    }
}
