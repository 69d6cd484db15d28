namespace MedSegDsl.Runtime.Pictures;

/// <summary>The range of intensities that is shown from black to white.</summary>
/// <param name="Low">Black, in the image's units.</param>
/// <param name="High">White, in the image's units.</param>
public readonly record struct IntensityWindow(float Low, float High)
{
    /// <summary>The usual window of abdominal CT: level 40, width 400 HU.</summary>
    public static IntensityWindow AbdominalCt { get; } = new(-160, 240);

    /// <summary>
    /// From the 1st to the 99.5th percentile of what is not the darkest value, which in MRI is the empty surrounding.
    /// </summary>
    /// <param name="values">One channel.</param>
    public static IntensityWindow Of(ReadOnlySpan<float> values)
    {
        // A sample is enough: the eye does not see the third digit of a percentile.
        const int wanted = 200_000;
        var step = Math.Max(1, values.Length / wanted);
        var sample = new List<float>();
        for (var i = 0; i < values.Length; i += step)
        {
            if (float.IsFinite(values[i]))
                sample.Add(values[i]);
        }

        if (sample.Count == 0)
            return new IntensityWindow(0, 1);
        var darkest = sample.Min();
        var content = sample.Where(value => value > darkest).Order().ToArray();
        if (content.Length == 0)
            return new IntensityWindow(darkest, darkest + 1);
        var low = content[(int)(0.01 * (content.Length - 1))];
        var high = content[(int)(0.995 * (content.Length - 1))];
        return new IntensityWindow(low, high > low ? high : low + 1);
    }

    /// <summary>The grey of a value, 0 to 255.</summary>
    public byte Grey(float value) => (byte)Math.Round(255 * Math.Clamp((value - Low) / (High - Low), 0, 1));
}
