namespace MedSegDsl.Runtime;

/// <summary>Something a user can put right. The message is one line: what is wrong, where, what to do.</summary>
public class UserException : Exception
{
    /// <summary>An error with the line that the user sees.</summary>
    public UserException(string message) : base(message) { }

    /// <summary>An error with the line that the user sees and what caused it.</summary>
    public UserException(string message, Exception cause) : base(message, cause) { }
}
