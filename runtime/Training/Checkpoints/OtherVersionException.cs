namespace MedSegDsl.Runtime.Training.Checkpoints;

/// <summary>A whole checkpoint, but of another version of this program: nothing that an older checkpoint should replace.</summary>
/// <param name="message">The line that the user sees.</param>
public sealed class OtherVersionException(string message) : UserException(message);
