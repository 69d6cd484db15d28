using MedSegDsl.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A network from a volume (B, C, D, H, W) to class maps (B, classes, D, H, W), logits, highest resolution first. Whoever
/// calls it owns the maps; nothing else stays alive.
/// </summary>
public abstract class SegmentationNetwork : Layer<Tensor, IReadOnlyList<Tensor>>
{
    private readonly string networkName;

    /// <summary>A network under its name in the DSL.</summary>
    protected SegmentationNetwork(string networkName, int inChannels, int classes, Size3 patch) : base(networkName)
    {
        this.networkName = networkName;
        (InChannels, Classes, Patch) = (inChannels, classes, patch);
    }

    /// <summary>The channels of the volumes that it takes.</summary>
    public int InChannels { get; }

    /// <summary>The classes that it tells apart, background included.</summary>
    public int Classes { get; }

    /// <summary>The patch that it was built for, in voxels; what position embeddings fit.</summary>
    public Size3 Patch { get; }

    /// <summary>
    /// The element type to compute in, bf16 for mixed precision; null is that of the parameters. Parameters stay as they are,
    /// and the maps come out in the parameters' type.
    /// </summary>
    public ScalarType? ComputeType { get; set; }

    /// <summary>
    /// The parameters whose length is that of a patch, with the tokens along each axis (D, H, W) for a given patch.
    /// </summary>
    public virtual IReadOnlyDictionary<string, Func<Size3, Size3>> PositionGrids { get; } =
        new Dictionary<string, Func<Size3, Size3>>();

    /// <summary>The number of trainable numbers.</summary>
    public long ParameterCount => parameters().Sum(parameter => parameter.numel());

    /// <summary>All class maps: those that deep supervision compares with the truth, or the final one alone.</summary>
    /// <exception cref="ModelException">The volume's shape does not fit.</exception>
    public override IReadOnlyList<Tensor> forward(Tensor volume) => Run(volume, allMaps: true);

    /// <summary>The final class map alone (B, classes, D, H, W); the other heads are not computed.</summary>
    /// <exception cref="ModelException">The volume's shape does not fit.</exception>
    public Tensor Predict(Tensor volume) => Run(volume, allMaps: false)[0];

    /// <summary>
    /// The class maps of a volume, all of them or the final one alone, inside a dispose scope of the caller.
    /// </summary>
    protected abstract IReadOnlyList<Tensor> Segment(Tensor volume, bool allMaps);

    // Of several hundred parameters in a tree of modules one is enough: listing all takes as long as a layer's forward pass.
    private static Tensor? FirstParameter(nn.Module module) =>
        module.parameters(recurse: false).FirstOrDefault() ?? module.children().Select(FirstParameter).FirstOrDefault(found => found is not null);

    private IReadOnlyList<Tensor> Run(Tensor volume, bool allMaps)
    {
        if (volume.dim() != 5 || volume.shape[1] != InChannels)
        {
            throw new ModelException(
                $"{networkName} takes volumes (batch, {InChannels} channels, depth, height, width), "
                + $"not ({string.Join(", ", volume.shape)})");
        }

        using var scope = NewDisposeScope();
        var own = FirstParameter(this)!.dtype;
        var cast = Cast(volume, ComputeType ?? own);
        var maps = Segment(cast.device_type == DeviceType.CUDA ? Axes.ChannelsLast(cast) : cast, allMaps);
        return [.. maps.Select(map => (own == ScalarType.Float32 ? ChannelsFirst.Apply(map) : Cast(map, own)).MoveToOuterDisposeScope())];
    }
}
