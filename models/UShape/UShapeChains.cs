using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>The chains of layers in the stages of a U-shape.</summary>
public static class UShapeChains
{
    /// <summary>
    /// So many layers one after the other on a stage's volume: tokens (B, D, H, W, C) → (B, D, H, W, C).
    /// </summary>
    public static Layer<Tensor, Tensor> Build(Mixer mixer, int depth, VolumeShape volume, Network network)
    {
        var layers = Enumerable.Range(0, depth).Select(index => MixerLayers.Build(mixer, index, volume, network));
        return mixer.IsAttention ? new LayerStack(layers) : new NestedLayerStack(layers);
    }
}
