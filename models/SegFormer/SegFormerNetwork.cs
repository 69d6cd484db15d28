using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// SegFormer3D (Perera et al., 2024; OSUPCVLab/SegFormer3D), one class map; <c>model</c> is the first part of every name.
/// The published code takes cubes alone; this one takes any size, since its layers know the volume that their tokens are of.
/// </summary>
public sealed class SegFormerNetwork : SegmentationNetwork
{
    private readonly SegFormerModel model;

    /// <summary>A network with undefined weights; <see cref="NetworkBuilder"/> fills them.</summary>
    public SegFormerNetwork(Network network, SegFormer shape, int inChannels, int classes, Size3 patch)
        : base(network.Name, inChannels, classes, patch) =>
        model = Add("model", new SegFormerModel(shape, inChannels, classes, patch, network));

    /// <inheritdoc />
    protected override IReadOnlyList<Tensor> Segment(Tensor volume, bool allMaps) => [model.call(volume)];
}
