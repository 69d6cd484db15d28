using System.Globalization;

namespace MedSegDsl.Runtime.Measurement;

/// <summary>The process's memory on Linux (proc(5)): the resident set and its peak, which can be set back.</summary>
internal static class PeakMemory
{
    private const string Status = "/proc/self/status";
    private const string References = "/proc/self/clear_refs";

    // proc(5): sets the peak back to the resident set of now.
    private const string ResetPeak = "5";

    /// <summary>The resident set in bytes.</summary>
    public static long Resident() => Read("VmRSS:");

    /// <summary>The peak since the last <see cref="Reset"/> in bytes.</summary>
    public static long Peak() => Read("VmHWM:");

    /// <summary>Sets the peak back; false where the system does not let it.</summary>
    public static bool Reset()
    {
        try
        {
            File.WriteAllText(References, ResetPeak);
            return true;
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static long Read(string field)
    {
        var line = File.ReadLines(Status).First(line => line.StartsWith(field, StringComparison.Ordinal));
        var kibibytes = line[field.Length..].Trim().Split(' ')[0];
        return long.Parse(kibibytes, CultureInfo.InvariantCulture) * 1024;
    }
}
