namespace MedSegDsl.Runtime.Conversion;

/// <summary>How a release is converted.</summary>
/// <param name="DatasetId">The dataset's number; null for nnU-Net's own.</param>
/// <param name="Partial">Convert the cases that are whole though the release is not.</param>
/// <param name="Overwrite">Convert finished cases again.</param>
/// <param name="Threads">Cases converted at the same time, at most.</param>
public sealed record ConversionOptions(int? DatasetId = null, bool Partial = false, bool Overwrite = false, int Threads = 1);

/// <summary>What a conversion made.</summary>
/// <param name="Folder">The raw dataset.</param>
/// <param name="Training">Number of training cases.</param>
/// <param name="Test">Number of test cases.</param>
/// <param name="SplitsFile">Where the release's own split was written; null where it has none.</param>
public sealed record ConversionResult(string Folder, int Training, int Test, string? SplitsFile);
