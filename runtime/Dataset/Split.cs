namespace MedSegDsl.Runtime.Dataset;

/// <summary>The cases of one fold.</summary>
/// <param name="Train">Cases to train with.</param>
/// <param name="Validation">Cases to validate with.</param>
public sealed record Split(IReadOnlyList<string> Train, IReadOnlyList<string> Validation);
