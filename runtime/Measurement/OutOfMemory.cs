namespace MedSegDsl.Runtime.Measurement;

/// <summary>How libtorch, CUDA and .NET say that memory has run out.</summary>
internal static class OutOfMemory
{
    /// <summary>Whether an error says so.</summary>
    public static bool IsSaidBy(Exception cause) =>
        cause is OutOfMemoryException
        || cause.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
        || cause.Message.Contains("can't allocate memory", StringComparison.OrdinalIgnoreCase);
}
