using System.Collections.Concurrent;

namespace MedSegDsl.Runtime.Training.Loading;

/// <summary>
/// Makes batches ahead of the training on background threads. Batches come in the order of their keys, and what is in
/// them depends on the key alone, so any number of threads gives the same training. What goes wrong on a thread is
/// thrown where the batch is taken.
/// </summary>
public sealed class BatchLoader : IDisposable
{
    private readonly IEnumerator<BatchKey> keys;
    private readonly Func<BatchKey, Batch> make;
    private readonly Lock keysLock = new();
    private readonly BlockingCollection<Task<Batch>> pending = [];
    private readonly SemaphoreSlim free;
    private readonly CancellationTokenSource stop = new();
    private readonly Thread[] threads;
    private int running;

    /// <summary>Starts the threads.</summary>
    /// <param name="keys">The batches of the training, in order.</param>
    /// <param name="make">Makes a batch; called by several threads at once.</param>
    /// <param name="threadCount">At least 1.</param>
    /// <param name="ahead">How many batches wait at most.</param>
    public BatchLoader(IEnumerable<BatchKey> keys, Func<BatchKey, Batch> make, int threadCount, int ahead)
    {
        this.keys = keys.GetEnumerator();
        this.make = make;
        free = new SemaphoreSlim(ahead);
        running = threadCount;
        threads = [.. Enumerable.Range(0, threadCount).Select(i => new Thread(Work) { IsBackground = true, Name = $"loader {i}" })];
        foreach (var thread in threads)
            thread.Start();
    }

    /// <summary>The next batch, waiting for it if need be. The caller disposes it.</summary>
    /// <exception cref="InvalidOperationException">All batches were taken.</exception>
    public Batch Next() => TryNext() ?? throw new InvalidOperationException("all batches were taken");

    /// <summary>The next batch, waiting for it if need be, or null when all were taken. The caller disposes it.</summary>
    public Batch? TryNext()
    {
        if (!pending.TryTake(out var batch, Timeout.Infinite))
            return null;
        try
        {
            return batch.GetAwaiter().GetResult();
        }
        finally
        {
            free.Release();
        }
    }

    /// <summary>Stops the threads and disposes what was not taken.</summary>
    public void Dispose()
    {
        stop.Cancel();
        foreach (var thread in threads)
            thread.Join();
        foreach (var batch in pending.Where(task => task.IsCompletedSuccessfully))
            batch.Result.Dispose();
        keys.Dispose();
        pending.Dispose();
        free.Dispose();
        stop.Dispose();
    }

    private void Work()
    {
        try
        {
            while (true)
            {
                free.Wait(stop.Token);
                if (Take() is not var (key, promise))
                    return;
                try
                {
                    promise.SetResult(make(key));
                }
                catch (Exception cause)
                {
                    promise.SetException(cause);
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Dispose asked the threads to stop.
        }
        finally
        {
            if (Interlocked.Decrement(ref running) == 0)
                pending.CompleteAdding();
        }
    }

    /// <summary>The next key, its promise already queued, so that the queue has the order of the keys.</summary>
    private (BatchKey Key, TaskCompletionSource<Batch> Promise)? Take()
    {
        lock (keysLock)
        {
            if (!keys.MoveNext())
                return null;
            var promise = new TaskCompletionSource<Batch>();
            pending.Add(promise.Task);
            return (keys.Current, promise);
        }
    }
}
