using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>From the DSL's mixer to a stage's chain of layers.</summary>
public static class MixerStacks
{
    /// <summary>A chain of so many layers over so many channels: tokens (B, D, H, W, C) → (B, D, H, W, C).</summary>
    public static Layer<Tensor, Tensor> Build(Mixer mixer, int depth, int channels, Network network) => mixer switch
    {
        Mixer.Mamba mamba => new MambaStack(Repeat(depth, () => new MambaLayer(channels, mamba.Item, network.Initialisation))),
        Mixer.Attention attention => new LayerStack(Repeat(depth, () => new AttentionLayer(channels, attention.Item))),
        Mixer.PlainConvolution plain => new LayerStack(Repeat(depth, () => new PlainConvolutionLayer(channels, plain.kernel, network))),
        Mixer.ResidualConvolution residual =>
            new LayerStack(Repeat(depth, () => new ResidualConvolutionLayer(channels, residual.kernel, network))),
        _ => throw new ModelException($"{network.Name}: the mixer {mixer} has no module"),
    };

    private static IEnumerable<T> Repeat<T>(int depth, Func<T> create) => Enumerable.Range(0, depth).Select(_ => create());
}
