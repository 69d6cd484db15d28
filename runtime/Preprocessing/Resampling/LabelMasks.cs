namespace MedSegDsl.Runtime.Preprocessing.Resampling;

/// <summary>Resizes a label map label by label: the resized 0/1 mask decides, a later label overwrites an
/// earlier one.</summary>
internal static class LabelMasks
{
    /// <summary>Resizes (z, y, x) along all axes together.</summary>
    /// <param name="input">Labels.</param>
    /// <param name="shape">Voxels along z, y, x.</param>
    /// <param name="output">Labels of the new shape.</param>
    /// <param name="newShape">Voxels along z, y, x afterwards.</param>
    /// <param name="order">0: nearest; 1 to 3: masks with that spline order, at least 0.5.</param>
    /// <param name="threads">Threads to use.</param>
    public static void Resize(
        ReadOnlyMemory<short> input, int[] shape, Memory<short> output, int[] newShape, int order, int threads)
    {
        if (order == 0)
            NearestResize.Resize(input, shape, output, newShape, threads);
        else if (order == 1)
            LabelResize.Resize(input, shape, output, newShape, threads);
        else
            Resize(
                input.Span, output.Span,
                (mask, resized) => PlainResize.Resize(mask, shape, resized, newShape, order, threads),
                value => value >= 0.5f);
    }

    /// <summary>Resizes the mask of every label present, ascending; where no label wins, 0.</summary>
    /// <param name="input">Labels.</param>
    /// <param name="output">Labels afterwards.</param>
    /// <param name="resize">Resizes a mask of 0 and 1.</param>
    /// <param name="wins">Whether a mask's value is enough.</param>
    public static void Resize(
        ReadOnlySpan<short> input, Span<short> output, Action<float[], float[]> resize, Func<float, bool> wins)
    {
        var (mask, resized) = (new float[input.Length], new float[output.Length]);
        output.Clear();
        foreach (var label in Present(input))
        {
            for (var i = 0; i < mask.Length; i++)
                mask[i] = input[i] == label ? 1 : 0;
            resize(mask, resized);
            for (var i = 0; i < resized.Length; i++)
                if (wins(resized[i]))
                    output[i] = label;
        }
    }

    /// <summary>The labels of a map, ascending.</summary>
    public static short[] Present(ReadOnlySpan<short> labels)
    {
        var seen = new bool[1 << 16];
        foreach (var label in labels)
            seen[label - short.MinValue] = true;
        return [.. Enumerable.Range(0, seen.Length).Where(i => seen[i]).Select(i => (short)(i + short.MinValue))];
    }
}
