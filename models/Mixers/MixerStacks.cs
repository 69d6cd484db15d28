using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>From the DSL's mixer to a stage's chain of layers.</summary>
public static class MixerStacks
{
    /// <summary>A chain of so many layers over so many channels: tokens (B, D, H, W, C) → (B, D, H, W, C).</summary>
    public static Layer<Tensor, Tensor> Build(Mixer mixer, int depth, int channels, Network network)
    {
        var layers = Enumerable.Range(0, depth).Select(_ => Layer(mixer, channels, network));
        return mixer.IsAttention ? new LayerStack(layers) : new NestedLayerStack(layers);
    }

    private static Layer<Tensor, Tensor> Layer(Mixer mixer, int channels, Network network) => mixer switch
    {
        Mixer.Mamba mamba => new MambaLayer(channels, mamba.Item, network.Initialisation),
        Mixer.Attention attention => new AttentionLayer(channels, attention.Item),
        Mixer.PlainConvolution plain => new PlainConvolutionLayer(channels, plain.kernel, network),
        Mixer.ResidualConvolution residual => new ResidualConvolutionLayer(channels, residual.kernel, network),
        _ => throw new ModelException($"{network.Name}: the mixer {mixer} has no module"),
    };
}
