using System.Globalization;

namespace MedSegDsl.Runtime.Imaging;

/// <summary>The rules for label values, whatever the format.</summary>
internal static class LabelValues
{
    /// <summary>Takes values as labels.</summary>
    /// <exception cref="UserException">A value is no whole number in the range of int16.</exception>
    public static void Take(string file, ReadOnlySpan<double> values, Span<short> labels)
    {
        for (var i = 0; i < values.Length; i++)
        {
            var label = (short)values[i];
            if (label != values[i])
                throw new UserException(
                    $"{file}: is no label map: it holds {values[i].ToString(CultureInfo.InvariantCulture)}, and labels are whole numbers up to 32767");
            labels[i] = label;
        }
    }

    /// <summary>Whether uint8 is wide enough, by nnU-Net's rule: below 255.</summary>
    /// <exception cref="ArgumentException">There are several channels, or a label is negative.</exception>
    public static bool FitByte(ImageArray<short> labels)
    {
        if (labels.Channels != 1)
            throw new ArgumentException($"{labels.Channels} channels do not fit in a label map");
        var (minimum, maximum) = (labels.Data.Min(), labels.Data.Max());
        return minimum >= 0 ? maximum < 255 : throw new ArgumentException($"label {minimum} cannot be written");
    }
}
