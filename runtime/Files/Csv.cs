using System.Globalization;

namespace MedSegDsl.Runtime.Files;

/// <summary>Comma-separated values (RFC 4180), as pandas, R and spreadsheets read them.</summary>
public static class Csv
{
    /// <summary>One row; a cell with a comma, a quote or a line break is quoted.</summary>
    public static string Line(IEnumerable<string> cells) => string.Join(',', cells.Select(cell =>
        cell.AsSpan().IndexOfAny(",\"\r\n") < 0 ? cell : $"\"{cell.Replace("\"", "\"\"")}\""));

    /// <summary>A number with a point; nothing for NaN, inf for infinity.</summary>
    public static string Number(double value) =>
        double.IsNaN(value) ? "" : double.IsInfinity(value) ? value > 0 ? "inf" : "-inf" : value.ToString("R", CultureInfo.InvariantCulture);
}
