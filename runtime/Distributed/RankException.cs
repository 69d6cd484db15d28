namespace MedSegDsl.Runtime.Distributed;

/// <summary>Processes that train together stop together: one has ended, or all have found the same error.</summary>
/// <param name="message">The line for the user.</param>
/// <param name="isSaid">Whether the user has the line already, or gets it from another process.</param>
public sealed class RankException(string message, bool isSaid) : UserException(message)
{
    /// <summary>Whether the user has the line already, or gets it from another process.</summary>
    public bool IsSaid { get; } = isSaid;
}
