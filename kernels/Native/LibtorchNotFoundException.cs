namespace MedSegDsl.Kernels;

/// <summary>
/// No libtorch that fits was found, or the one that was named does not load. The message says what was looked
/// for, where, and what to install or to set.
/// </summary>
public sealed class LibtorchNotFoundException(string message) : Exception(message);
