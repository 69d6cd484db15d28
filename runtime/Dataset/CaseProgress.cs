namespace MedSegDsl.Runtime.Dataset;

/// <summary>How far a loop over the cases of a dataset has come.</summary>
/// <param name="Done">Cases finished.</param>
/// <param name="Total">Cases in all.</param>
/// <param name="CaseId">The case finished last.</param>
public readonly record struct CaseProgress(int Done, int Total, string CaseId);
