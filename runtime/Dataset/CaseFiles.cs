namespace MedSegDsl.Runtime.Dataset;

/// <summary>The files of one case.</summary>
/// <param name="Id">The case identifier: <c>BRATS_001</c>.</param>
/// <param name="Images">One file for each channel, channel 0 first.</param>
/// <param name="Label">The label map; null for a case that is to be predicted.</param>
public sealed record CaseFiles(string Id, IReadOnlyList<string> Images, string? Label);
