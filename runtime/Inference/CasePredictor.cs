using MedSegDsl.Models;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Imaging;
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
    private readonly SlidingWindowPredictor predictor;

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
        predictor = new SlidingWindowPredictor(options, device);
        Threads = device.type == DeviceType.CPU ? 1 : Math.Max(1, Environment.ProcessorCount / 2);
    }

    /// <summary>Threads for each of preprocessing and export; one where the network itself runs on the CPU.</summary>
    public int Threads { get; init; }

    /// <summary>
    /// The final class map of a network as a function of tiles: (1, C, D, H, W), or (1, C, H, W) for a 2D configuration,
    /// whose slices it gets as volumes of depth 1.
    /// </summary>
    public static Func<Tensor, Tensor> Function(SegmentationNetwork network) => tile =>
        tile.ndim == 4 ? network.Predict(tile.unsqueeze(2)).squeeze(2) : network.Predict(tile);

    /// <summary>Preprocesses an image for the networks.</summary>
    /// <exception cref="UserException">It has another number of channels than the plans.</exception>
    public PreprocessedCase Preprocess(LoadedImage<float> image) =>
        preprocessor.Preprocess(image.Voxels, image.Geometry.Spacing, null, Threads);

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
            var logits = predictor.Predict(
                networks[i],
                image,
                (done, tiles) => progress?.Invoke(before * tiles + done, networks.Count * tiles),
                cancellation);
            if (logits.Classes != labels.Outputs)
                throw new UserException($"the network gives {logits.Classes} maps, but the labels ask for {labels.Outputs}");
            if (sum is null)
                sum = logits;
            else
                sum.Add(logits);
        }

        if (networks.Count > 1)
            sum!.Divide(networks.Count);
        return sum ?? throw new ArgumentException("no network");
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
}
