namespace MedSegDsl.Runtime.Evaluation;

/// <summary>Classes that are reported together.</summary>
/// <param name="Name">The group's name.</param>
/// <param name="Classes">Names of its classes.</param>
public sealed record ClassGroup(string Name, IReadOnlyList<string> Classes);
