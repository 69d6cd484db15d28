using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Multi-scale deformable attention on volumes of several sizes (Zhu et al., Deformable DETR; Xie et al., CoTr): each token
/// looks at a few points of every volume, which lie where its own linear layer says, and weighs what it finds there.
/// </summary>
public sealed class DeformableAttention : Layer<(Tensor Asking, Tensor Tokens, LevelGrid Grid), Tensor>
{
    private readonly int heads;
    private readonly int levels;
    private readonly int points;
    private readonly SamplingAxes axes;
    private readonly Linear offsets;
    private readonly Linear weights;
    private readonly Linear values;
    private readonly Linear output;

    /// <summary>Attention over so many channels, which the heads must divide, and so many volumes.</summary>
    public DeformableAttention(int channels, int levels, DeformableMixer mixer) : base(nameof(DeformableAttention))
    {
        (heads, points, axes) = (mixer.Heads, mixer.Points, mixer.Axes);
        this.levels = levels;
        var samples = heads * levels * points;
        var projection = Start.Xavier(channels, channels);
        var directions = new Start.SamplingDirections(heads, levels, points);
        offsets = Add("sampling_offsets", new Linear(channels, 3 * samples, bias: true, Start.Zero, directions));
        weights = Add("attention_weights", new Linear(channels, samples, bias: true, Start.Zero));
        values = Add("value_proj", new Linear(channels, channels, bias: true, projection));
        output = Add("output_proj", new Linear(channels, channels, bias: true, projection));
    }

    /// <summary>
    /// Tokens (B, L, C) of all volumes and the same with their positions added → (B, L, C). Points and what lies there are
    /// computed in the parameters' element type: bf16 cannot tell the voxels of a volume apart.
    /// </summary>
    public override Tensor forward((Tensor Asking, Tensor Tokens, LevelGrid Grid) input)
    {
        using var scope = NewDisposeScope();
        var (asking, tokens, grid) = input;
        var own = offsets.Bias.dtype;
        var (batch, length, channels) = (tokens.shape[0], tokens.shape[1], tokens.shape[2]);
        var steps = Cast(offsets.call(asking), own).view(batch, length, heads, levels, points, 3);
        var shares = Cast(weights.call(asking), own).view(batch, length, heads, -1).softmax(-1)
            .view(batch, length, heads, levels, points);
        var content = Cast(values.call(tokens), own);
        var centres = grid.Centres(axes, content).view(length, 1, 1, 3);
        Tensor? sum = null;
        for (var level = 0; level < levels; level++)
        {
            var places = centres + steps.select(3, level) / grid.Lengths(level, axes, content);
            var found = Sample(grid.Volume(content, level), places);
            var seen = (found * Rows(shares.select(3, level)).unsqueeze(1)).sum(-1);
            sum = sum is null ? seen : sum + seen;
        }

        var joined = sum!.view(batch, channels, length).transpose(1, 2);
        return output.call(Cast(joined, tokens.dtype)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// What lies at places (B, L, heads, points, 3), given as shares of a volume's axes, of a volume (B, C, D, H, W):
    /// (B · heads, C / heads, L, points); 0 outside.
    /// </summary>
    private Tensor Sample(Tensor volume, Tensor places)
    {
        var shape = volume.shape;
        var perHead = volume.reshape(shape[0] * heads, shape[1] / heads, shape[2], shape[3], shape[4]);
        var grid = (Rows(places) * 2 - 1).unsqueeze(1);
        return nn.functional.grid_sample(
            perHead, grid, GridSampleMode.Bilinear, GridSamplePaddingMode.Zeros, align_corners: false).squeeze(2);
    }

    /// <summary>(B, L, heads, …) → (B · heads, L, …).</summary>
    private static Tensor Rows(Tensor tensor) => tensor.transpose(1, 2).flatten(0, 1);
}
