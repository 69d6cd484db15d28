namespace MedSegDsl.Models;

/// <summary>From the DSL's mixers to layers, whatever the architecture that they stand in.</summary>
public static class MixerLayers
{
    /// <summary>A layer of a stage.</summary>
    /// <param name="mixer">What it is.</param>
    /// <param name="index">Its place among the stage's layers, from 0.</param>
    /// <param name="volume">Channels and size of the stage's volume at the patch that the network is built for.</param>
    /// <param name="network">The network that it is a part of, for norm, activation and initialisation.</param>
    public static MixerLayer Build(Mixer mixer, int index, VolumeShape volume, Network network) => mixer switch
    {
        Mixer.Mamba mamba => new MambaLayer(volume.Channels, mamba.Item, network.Initialisation),
        Mixer.UMamba umamba => new UMambaLayer(volume, umamba.Item),
        Mixer.Attention attention => new AttentionLayer(volume.Channels, attention.Item),
        Mixer.PlainConvolution plain => new PlainConvolutionLayer(volume.Channels, plain.kernel, network),
        Mixer.ResidualConvolution residual => new ResidualConvolutionLayer(volume.Channels, residual.kernel, network),
        Mixer.Swin swin => new SwinLayer(volume.Channels, swin.Item, index),
        Mixer.Vit vit => new VitLayer(volume.Channels, vit.Item),
        Mixer.Ux ux => new UxLayer(volume.Channels, ux.Item, index),
        Mixer.MixTransformer mix => new MixTransformerLayer(volume.Channels, mix.Item, network),
        Mixer.DeformableAttention deformable => new DeformableLayer(volume.Channels, deformable.Item),
        Mixer.MedNeXt block => new MedNeXtLayer(volume.Channels, block.Item, network),
        _ => throw new ModelException($"{network.Name}: the mixer {mixer} has no module (layer {index})"),
    };
}
