using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>Tokens brought into a path's order and back with tensor operations.</summary>
internal static class TokenOrder
{
    /// <summary>(…, L, C) in row-major order to (…, L, C) in the order of the path.</summary>
    public static Tensor Visit(this ScanPath path, Tensor tokens)
    {
        if (path.IsForward)
        {
            return tokens;
        }
        if (path.IsRandom)
        {
            using var order = torch.tensor(path.Order.ToArray(), device: tokens.device);
            return tokens.index_select(-2, order);
        }
        var ordered = Permute(tokens, path.Sizes, path.Axes);
        return path.IsReversed ? ordered.flip(-2) : ordered;
    }

    /// <summary>(…, L, C) in the order of the path to (…, L, C) in row-major order: undoes <see cref="Visit"/>.</summary>
    public static Tensor PutBack(this ScanPath path, Tensor ordered)
    {
        if (path.IsForward)
        {
            return ordered;
        }
        if (path.IsRandom)
        {
            var places = new int[path.Length];
            for (var i = 0; i < places.Length; i++)
            {
                places[path.Order[i]] = i;
            }
            using var order = torch.tensor(places, device: ordered.device);
            return ordered.index_select(-2, order);
        }
        var forward = path.IsReversed ? ordered.flip(-2) : ordered;
        var inverse = Enumerable.Range(0, 3).Select(axis => path.Axes.IndexOf(axis)).ToArray();
        return Permute(forward, path.Axes.Select(axis => path.Sizes[axis]).ToArray(), inverse);
    }

    /// <summary>The path for convolutions, which count a random order as forward.</summary>
    public static ScanPath WithoutShuffle(this ScanPath path) =>
        path.IsRandom ? ScanPath.Forward(path.Sizes[0], path.Sizes[1], path.Sizes[2]) : path;

    private static int IndexOf(this IReadOnlyList<int> axes, int axis) => axes.ToList().IndexOf(axis);

    private static Tensor Permute(Tensor tokens, IReadOnlyList<int> sizes, IReadOnlyList<int> axes)
    {
        var shape = tokens.shape;
        var outer = shape.Length - 2;
        long[] volume = [.. shape[..outer], .. sizes.Select(size => (long)size), shape[^1]];
        long[] permutation = [.. Enumerable.Range(0, outer).Select(i => (long)i), .. axes.Select(axis => (long)(outer + axis)), outer + 3];
        return tokens.reshape(volume).permute(permutation).reshape(shape);
    }
}
