namespace MedSegDsl.Kernels.Cuda;

/// <summary>A kernel does not compile.</summary>
/// <param name="source">The source's name.</param>
/// <param name="options">The compiler's options.</param>
/// <param name="log">The compiler's log, with file and line.</param>
public sealed class KernelCompilationException(string source, IEnumerable<string> options, string log)
    : CudaException($"{source} does not compile with {string.Join(' ', options)}:\n{log}")
{
    /// <summary>The compiler's log, with file and line.</summary>
    public string Log { get; } = log;
}
