namespace MedSegDsl.Runtime.Preprocessing;

/// <summary>A loop over independent pieces of work by a fixed number of threads, each with scratch memory of
/// its own.</summary>
internal static class Workers
{
    /// <summary>Runs <paramref name="body"/> for 0 … count − 1; with one thread, on the caller's.</summary>
    public static void For<TScratch>(int count, int threads, Func<TScratch> scratch, Action<int, TScratch> body)
    {
        if (threads <= 1 || count <= 1)
        {
            var own = scratch();
            for (var i = 0; i < count; i++)
                body(i, own);
            return;
        }

        var next = -1;
        Parallel.For(0, Math.Min(threads, count), new ParallelOptions { MaxDegreeOfParallelism = threads }, _ =>
        {
            var own = scratch();
            for (var i = Interlocked.Increment(ref next); i < count; i = Interlocked.Increment(ref next))
                body(i, own);
        });
    }
}
