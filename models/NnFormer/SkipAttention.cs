using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Attention inside windows whose keys and values come from the skip, and whose queries are the upsampled tokens as they
/// are: both (B, D, H, W, C) → (B, D, H, W, C) (nnFormer, Zhou et al. 2023, skip attention).
/// </summary>
public sealed class SkipAttention : WindowedAttention<(Tensor Upsampled, Tensor Skip)>
{
    private readonly Linear keysAndValues;

    /// <summary>Attention over so many channels, which the heads must divide.</summary>
    public SkipAttention(int channels, SwinMixer mixer)
        : base(nameof(SkipAttention), channels, mixer, shifted: false) =>
        keysAndValues = Add("kv", Linear.AsPyTorch(channels, 2 * channels, mixer.QkvBias));

    /// <inheritdoc />
    public override Tensor forward((Tensor Upsampled, Tensor Skip) input)
    {
        using var scope = NewDisposeScope();
        var grid = GridOf(input.Skip);
        var seen = keysAndValues.call(grid.Partition(input.Skip));
        var qkv = cat([grid.Partition(input.Upsampled), seen], -1);
        return Attend(qkv, grid).MoveToOuterDisposeScope();
    }
}
