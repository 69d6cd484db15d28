namespace MedSegDsl.Runtime.Preprocessing;

/// <summary>How much of the machine the preprocessing of a dataset may use.</summary>
/// <param name="Threads">Threads in all.</param>
/// <param name="MemoryBytes">Memory for the cases in work. One case is always worked on, however
/// large.</param>
/// <param name="Overwrite">Preprocess finished cases again.</param>
/// <param name="Compress">Store cases compressed: less room on disk, but patches are read more slowly.
/// Finished cases of the other form are preprocessed again.</param>
public sealed record PreprocessingOptions(int Threads, long MemoryBytes, bool Overwrite = false, bool Compress = false)
{
    /// <summary>All processors and 70 % of the memory that the process may use.</summary>
    public static PreprocessingOptions Default => new(
        Environment.ProcessorCount, (long)(0.7 * GC.GetGCMemoryInfo().TotalAvailableMemoryBytes));
}

/// <summary>A case that is finished, in one configuration.</summary>
/// <param name="Configuration">The configuration's name.</param>
/// <param name="CaseId">The case.</param>
/// <param name="IsNew">False where an earlier run finished it.</param>
/// <param name="Done">Finished cases of the configuration, this one included.</param>
/// <param name="Total">Cases of the configuration.</param>
public sealed record PreprocessingProgress(string Configuration, string CaseId, bool IsNew, int Done, int Total);
