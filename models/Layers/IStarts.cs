namespace MedSegDsl.Models;

/// <summary>Something that says how its own parameters start.</summary>
public interface IStarts
{
    /// <summary>The names of its parameters, children excluded, each with its start.</summary>
    IReadOnlyList<(string Name, Start Start)> Starts { get; }
}
