using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A learned vector for each token of the patch that a network was built for, (1, L, C) over a grid (D, H, W), L = D·H·W.
/// The parameter belongs to the module whose state-dict name it carries.
/// </summary>
/// <param name="parameter">The parameter, looked up on every use.</param>
/// <param name="grid">The tokens along each axis.</param>
public sealed class LearnedPositions(Func<Tensor> parameter, Size3 grid)
{
    /// <summary>Adds the vectors to tokens (B, D, H, W, C); to another size they are interpolated.</summary>
    public Tensor AddTo(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var positions = parameter();
        var size = new Size3((int)tokens.shape[1], (int)tokens.shape[2], (int)tokens.shape[3]);
        var fitted = Interpolate(positions, grid, size).view(1, size.D, size.H, size.W, -1);
        return (tokens + fitted.to(tokens.dtype)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Vectors (1, L, C) of one grid interpolated trilinearly to another, (1, L', C); as they are where the grids are equal.
    /// </summary>
    public static Tensor Interpolate(Tensor positions, Size3 from, Size3 to)
    {
        if (from.Equals(to))
        {
            return positions;
        }

        using var scope = NewDisposeScope();
        var volume = Axes.ToVolume(positions.view(1, from.D, from.H, from.W, -1));
        return Axes.ToTokens(Axes.Resize(volume, to)).view(1, to.Volume, -1).MoveToOuterDisposeScope();
    }
}
