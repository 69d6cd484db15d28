using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// CoTr (Xie et al., MICCAI 2021; YtongXie/CoTr); <c>U_ResTran3D</c> is the first part of every name. With deep supervision
/// four maps: the result at the input's size, then those of the decoder's stages from the last to the first.
/// </summary>
public sealed class CoTrNetwork : SegmentationNetwork
{
    private readonly CoTrModel model;

    /// <summary>A network with undefined weights; <see cref="NetworkBuilder"/> fills them.</summary>
    public CoTrNetwork(Network network, CoTr shape, int inChannels, int classes, Size3 patch)
        : base(network.Name, inChannels, classes, patch) =>
        model = Add("U_ResTran3D", new CoTrModel(shape, inChannels, classes, network));

    /// <inheritdoc />
    protected override IReadOnlyList<Tensor> Segment(Tensor volume, bool allMaps) => model.call((volume, allMaps));
}
