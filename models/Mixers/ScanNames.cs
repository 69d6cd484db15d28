namespace MedSegDsl.Models;

/// <summary>How state dicts tell the orders of a Mamba mixer's scan apart.</summary>
/// <param name="Suffix">What follows the names of an order's parameters, by its place from 0.</param>
/// <param name="LogA">The name of A_log for a suffix.</param>
public sealed record ScanNames(Func<int, string> Suffix, Func<string, string> LogA)
{
    /// <summary>The public code of UlikeMamba: <c>A_log</c>, <c>A_log_b</c>, <c>A_log_c</c>, …</summary>
    public static readonly ScanNames UlikeMamba =
        new(order => order == 0 ? "" : $"_{(char)('a' + order)}", suffix => $"A_log{suffix}");

    /// <summary>SegMamba's: <c>A_log</c>, <c>A_b_log</c>, <c>A_s_log</c>; further orders go on as UlikeMamba's.</summary>
    public static readonly ScanNames SegMamba =
        new(order => order == 2 ? "_s" : UlikeMamba.Suffix(order), suffix => $"A{suffix}_log");
}
