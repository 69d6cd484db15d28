namespace MedSegDsl.Runtime.Distributed.Control;

/// <summary>
/// What a process does when another one is gone. One process says so at once: whoever started them may end them soon. Calls
/// that wait for the lost one are ended; and where nothing ends them, the process is.
/// </summary>
/// <param name="place">This process's place.</param>
internal sealed class LostRank(RankPlace place)
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10), Delay = TimeSpan.FromSeconds(2);

    private readonly TaskCompletionSource<RankException> found = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when a rank is gone.</summary>
    public Task Found => found.Task;

    /// <summary>What calls then throw; null while all ranks are there.</summary>
    public RankException? Error => found.Task.IsCompletedSuccessfully ? found.Task.Result : null;

    /// <summary>A rank is gone.</summary>
    /// <param name="rank">Which one.</param>
    /// <param name="why">What has become of it.</param>
    public void Tell(int rank, string why)
    {
        var line = $"rank {rank} of {place.Size} {why}, so the training stops; --continue goes on from the last checkpoint";
        if (!found.TrySetResult(new RankException(line, isSaid: true)))
            return;
        if (place.Rank == (rank == 0 ? 1 : 0))
            Console.Error.WriteLine($"medseg: {line}");
        new Thread(End) { IsBackground = true, Name = "last resort" }.Start();
    }

    /// <summary>The error of a call that has failed because a rank is gone, most likely: the watch hears of that at about the
    /// same time, and knows more.</summary>
    /// <param name="what">What the call says itself.</param>
    public RankException Explain(string what) => found.Task.Wait(Delay)
        ? found.Task.Result
        : new RankException($"the processes of the training have lost each other: {what}", isSaid: false);

    private static void End()
    {
        Thread.Sleep(Grace);
        SystemCalls.Exit(1);
    }
}
