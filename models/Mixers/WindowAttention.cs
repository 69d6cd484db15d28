using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Attention inside windows whose queries, keys and values come from one volume: tokens (B, D, H, W, C) →
/// (B, D, H, W, C).
/// </summary>
public sealed class WindowAttention : WindowedAttention<Tensor>
{
    private readonly Linear projections;

    /// <summary>Attention over so many channels, which the heads must divide.</summary>
    public WindowAttention(int channels, SwinMixer mixer, bool shifted)
        : base(nameof(WindowAttention), channels, mixer, shifted) =>
        projections = Add("qkv", Linear.AsPyTorch(channels, 3 * channels, mixer.QkvBias));

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var grid = GridOf(tokens);
        return Attend(projections.call(grid.Partition(tokens)), grid).MoveToOuterDisposeScope();
    }
}
