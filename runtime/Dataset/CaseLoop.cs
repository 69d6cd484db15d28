using System.Runtime.ExceptionServices;

namespace MedSegDsl.Runtime.Dataset;

/// <summary>Work on many cases, as many at a time as threads and memory allow.</summary>
/// <param name="threads">Cases worked on at the same time, at most.</param>
/// <param name="memoryBytes">Memory for the cases in work. One case is always worked on, however
/// large.</param>
public sealed class CaseLoop(int threads, long memoryBytes)
{
    private readonly Lock gate = new();
    private readonly SemaphoreSlim freed = new(0);
    private int running;
    private long largest;

    /// <summary>Runs <paramref name="work"/> for every case. The first one runs alone: it tells how much
    /// memory a case takes.</summary>
    /// <param name="cases">The cases.</param>
    /// <param name="work">Takes the number of the case and its files; returns the bytes it needed.</param>
    /// <param name="progress">Told after each case.</param>
    /// <param name="cancel">Stops between cases.</param>
    /// <exception cref="UserException">Of the first case that failed; cases not yet begun are left
    /// out.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public void Run(
        IReadOnlyList<CaseFiles> cases,
        Func<int, CaseFiles, long> work,
        IProgress<CaseProgress>? progress = null,
        CancellationToken cancel = default)
    {
        if (cases.Count == 0)
            return;
        var (next, done) = (0, 0);
        ExceptionDispatchInfo? failure = null;
        void One(int i)
        {
            var bytes = work(i, cases[i]);
            lock (gate)
                largest = Math.Max(largest, bytes);
            progress?.Report(new(Interlocked.Increment(ref done), cases.Count, cases[i].Id));
        }

        void Worker()
        {
            while (failure is null && !cancel.IsCancellationRequested)
            {
                var i = Interlocked.Increment(ref next);
                if (i >= cases.Count)
                    return;
                Enter();
                try
                {
                    One(i);
                }
                catch (Exception cause)
                {
                    Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(cause), null);
                }
                finally
                {
                    Leave();
                }
            }
        }

        cancel.ThrowIfCancellationRequested();
        One(0);
        Thread[] others = [.. Enumerable.Range(1, Math.Clamp(threads, 1, cases.Count) - 1).Select(_ => new Thread(Worker))];
        foreach (var thread in others)
            thread.Start();
        Worker();
        foreach (var thread in others)
            thread.Join();
        failure?.Throw();
        cancel.ThrowIfCancellationRequested();
    }

    private void Enter()
    {
        while (true)
        {
            lock (gate)
            {
                if (running == 0 || (running + 1) * largest <= memoryBytes)
                {
                    running++;
                    return;
                }
            }

            freed.Wait();
        }
    }

    private void Leave()
    {
        lock (gate)
            running--;
        freed.Release();
    }
}
