namespace MedSegDsl.Runtime.Preprocessing;

/// <summary>Memory that several workers share: whoever needs more than is left waits. One worker always gets
/// through.</summary>
/// <param name="bytes">All that may be used.</param>
internal sealed class MemoryBudget(long bytes)
{
    private static readonly TimeSpan CancellationCheck = TimeSpan.FromMilliseconds(100);
    private readonly object access = new();
    private long used;

    /// <summary>Waits until the bytes are there, or nobody else uses any.</summary>
    public void Reserve(long amount, CancellationToken cancellation)
    {
        lock (access)
        {
            while (used > 0 && used + amount > bytes)
            {
                cancellation.ThrowIfCancellationRequested();
                Monitor.Wait(access, CancellationCheck);
            }

            used += amount;
        }
    }

    /// <summary>Gives bytes back.</summary>
    public void Release(long amount)
    {
        lock (access)
        {
            used -= amount;
            Monitor.PulseAll(access);
        }
    }
}
