namespace MedSegDsl.Models;

/// <summary>
/// A network that cannot be built, or data that does not fit it. The message is one line for the user: what is wrong,
/// where, what to do.
/// </summary>
public sealed class ModelException : Exception
{
    /// <summary>An error with the line that the user sees.</summary>
    public ModelException(string message) : base(message) { }

    /// <summary>An error with the line that the user sees and what caused it.</summary>
    public ModelException(string message, Exception cause) : base(message, cause) { }
}
