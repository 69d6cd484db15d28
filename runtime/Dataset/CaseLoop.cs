using System.Runtime.ExceptionServices;

namespace MedSegDsl.Runtime.Dataset;

/// <summary>Work on many cases, several at a time.</summary>
public static class CaseLoop
{
    /// <summary>Runs <paramref name="work"/> for every case; with one thread in order and on the caller's.</summary>
    /// <param name="cases">The cases.</param>
    /// <param name="threads">Cases worked on at the same time.</param>
    /// <param name="work">Takes the number of the case and its files.</param>
    /// <param name="progress">Told after each case.</param>
    /// <param name="cancel">Stops between cases.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static void Run(
        IReadOnlyList<CaseFiles> cases,
        int threads,
        Action<int, CaseFiles> work,
        IProgress<CaseProgress>? progress = null,
        CancellationToken cancel = default)
    {
        var done = 0;
        void One(int i)
        {
            work(i, cases[i]);
            progress?.Report(new(Interlocked.Increment(ref done), cases.Count, cases[i].Id));
        }

        if (threads <= 1)
        {
            for (var i = 0; i < cases.Count; i++)
            {
                cancel.ThrowIfCancellationRequested();
                One(i);
            }

            return;
        }

        try
        {
            Parallel.For(0, cases.Count, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancel }, One);
        }
        catch (AggregateException several)
        {
            // The user gets the line of one case, not the list of all threads.
            ExceptionDispatchInfo.Throw(several.Flatten().InnerExceptions[0]);
        }
    }
}
