using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// UNETR's way down: the volume cut into cubes, a token each, with learned positions, and a column of layers at that one
/// resolution. From a volume (B, C, D, H, W) to the results of the tapped layers and of the last one, after a layer norm,
/// each (B, C', D/t, H/t, W/t). Names follow MONAI's ViT: <c>patch_embedding</c>, <c>blocks.0</c>, <c>norm</c>.
/// </summary>
public sealed class TokenColumnEncoder : Layer<Tensor, IReadOnlyList<Tensor>>
{
    private const double NormEpsilon = 1e-5;

    private readonly TokenEmbedding embedding;
    private readonly IReadOnlyList<MixerLayer> layers;
    private readonly IReadOnlyList<int> taps;
    private readonly LayerNorm norm;

    /// <summary>An encoder for volumes of so many channels; the patch gives the length of the position embedding.</summary>
    public TokenColumnEncoder(TokenColumn column, int inChannels, VolumeShape tokens, Network network)
        : base(nameof(TokenColumnEncoder))
    {
        embedding = Add("patch_embedding", new TokenEmbedding(column, inChannels, tokens.Size));
        layers = Add("blocks", LayerStack.Of(column.Mixer, column.Depth, tokens, network)).Layers;
        taps = [.. column.Taps];
        norm = Add("norm", new LayerNorm(column.Channels, NormEpsilon));
    }

    /// <inheritdoc />
    public override IReadOnlyList<Tensor> forward(Tensor patch)
    {
        using var scope = NewDisposeScope();
        var tokens = embedding.call(patch);
        var features = new List<Tensor>();
        for (var i = 0; i < layers.Count; i++)
        {
            tokens = layers[i].OnTokens(tokens);
            var volume = Axes.ToVolume(tokens);
            features.AddRange(taps.Where(tap => tap == i + 1).Select(_ => volume));
        }

        features.Add(Axes.ToVolume(norm.call(tokens)));
        return [.. features.Select(feature => feature.MoveToOuterDisposeScope())];
    }
}
