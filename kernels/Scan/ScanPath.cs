namespace MedSegDsl.Kernels;

/// <summary>
/// The order in which the tokens of a volume D × H × W are visited. Tokens are numbered row-major: axes (D, H, W), the
/// last fastest. A path is a choice of axes, with or without reversal, or a fixed random permutation.
/// </summary>
public sealed class ScanPath
{
    private readonly int[] sizes;
    private readonly int[]? shuffled;
    private readonly Lazy<int[]> order;

    private ScanPath(int d, int h, int w, int[] axes, bool reversed, int[]? shuffled = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(d);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(h);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(w);
        sizes = [d, h, w];
        Axes = axes;
        IsReversed = reversed;
        this.shuffled = shuffled;
        order = new Lazy<int[]>(VisitingOrder);
    }

    /// <summary>The volume's sizes D, H and W.</summary>
    public IReadOnlyList<int> Sizes => sizes;

    /// <summary>The number of tokens, D · H · W.</summary>
    public int Length => sizes[0] * sizes[1] * sizes[2];

    /// <summary>The volume's axes (0 = D, 1 = H, 2 = W) from the slowest to the fastest; (0, 1, 2) for a random path.</summary>
    public IReadOnlyList<int> Axes { get; }

    /// <summary>Whether the tokens are visited from the last to the first.</summary>
    public bool IsReversed { get; }

    /// <summary>Whether the order is a random permutation.</summary>
    public bool IsRandom => shuffled is not null;

    /// <summary>Whether the tokens are visited as they are numbered.</summary>
    public bool IsForward => !IsRandom && !IsReversed && Axes.SequenceEqual([0, 1, 2]);

    /// <summary>The tokens in the order in which they are visited: entry i is the number of the i-th token.</summary>
    public ReadOnlySpan<int> Order => order.Value;

    /// <summary>Row-major: axes (D, H, W).</summary>
    public static ScanPath Forward(int d, int h, int w) => new(d, h, w, [0, 1, 2], false);

    /// <summary>Forward from the last token to the first: the volume flipped on all three axes.</summary>
    public static ScanPath Backward(int d, int h, int w) => new(d, h, w, [0, 1, 2], true);

    /// <summary>Axes (D, W, H).</summary>
    public static ScanPath UpDown(int d, int h, int w) => new(d, h, w, [0, 2, 1], false);

    /// <summary>Axes (D, W, H), from the last token to the first.</summary>
    public static ScanPath UpDownReversed(int d, int h, int w) => new(d, h, w, [0, 2, 1], true);

    /// <summary>Axes (H, W, D).</summary>
    public static ScanPath FrontBack(int d, int h, int w) => new(d, h, w, [1, 2, 0], false);

    /// <summary>Axes (H, W, D), from the last token to the first.</summary>
    public static ScanPath FrontBackReversed(int d, int h, int w) => new(d, h, w, [1, 2, 0], true);

    /// <summary>A random permutation of the tokens: the same one for the same seed and number of tokens.</summary>
    public static ScanPath Random(int d, int h, int w, int seed)
    {
        var tokens = Enumerable.Range(0, d * h * w).ToArray();
        new Random(seed).Shuffle(tokens);
        return new ScanPath(d, h, w, [0, 1, 2], false, tokens);
    }

    private int[] VisitingOrder()
    {
        if (shuffled is not null)
        {
            return shuffled;
        }
        int[] strides = [sizes[1] * sizes[2], sizes[2], 1];
        var (slow, middle, fast) = (Axes[0], Axes[1], Axes[2]);
        var tokens = new int[Length];
        var next = 0;
        for (var i = 0; i < sizes[slow]; i++)
        {
            for (var j = 0; j < sizes[middle]; j++)
            {
                var token = i * strides[slow] + j * strides[middle];
                for (var k = 0; k < sizes[fast]; k++, token += strides[fast])
                {
                    tokens[next++] = token;
                }
            }
        }
        if (IsReversed)
        {
            Array.Reverse(tokens);
        }
        return tokens;
    }
}
