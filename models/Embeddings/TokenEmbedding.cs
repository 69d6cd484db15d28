using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Cuts a volume into cubes and makes a token of each, its position added: (B, C, D, H, W) → (B, D/t, H/t, W/t, C')
/// (Vision Transformer; MONAI, PatchEmbeddingBlock).
/// </summary>
public sealed class TokenEmbedding : Layer<Tensor, Tensor>
{
    private const string PositionsName = "position_embeddings";

    private readonly Convolution cubes;
    private readonly LearnedPositions? positions;
    private readonly double dropout;

    /// <summary>An embedding for a grid of tokens.</summary>
    public TokenEmbedding(TokenColumn column, int inChannels, Size3 grid) : base(nameof(TokenEmbedding))
    {
        dropout = column.Dropout;
        if (column.PositionEmbedding.IsLearned)
        {
            AddParameter(PositionsName, Start.SmallNormal, 1, grid.Volume, column.Channels);
            positions = new LearnedPositions(() => Get(PositionsName), grid);
        }

        var size = column.TokenSize;
        cubes = Add("patch_embeddings", Convolution.AsPyTorch(
            inChannels, column.Channels, size, stride: size, bias: true, padded: false));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var tokens = Axes.ToTokens(cubes.call(volume));
        var placed = positions?.AddTo(tokens) ?? tokens;
        return RandomDrops.Numbers(placed, dropout, training).MoveToOuterDisposeScope();
    }
}
