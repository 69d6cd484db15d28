namespace MedSegDsl.Runtime.Distributed;

/// <summary>Errors that several processes have in common are said once, and end them in order.</summary>
public static class SharedErrors
{
    /// <summary>Does what every rank does for itself, and goes on where all of them have succeeded. Else the ranks part, and
    /// each different line is said by the first rank that has it.</summary>
    /// <param name="ranks">The ranks; all make this call.</param>
    /// <param name="work">Talks to no other rank.</param>
    /// <exception cref="UserException">A rank has failed; on every rank.</exception>
    public static T Together<T>(this ICommunicator ranks, Func<T> work)
    {
        if (ranks.Size == 1)
            return work();
        var made = default(T);
        UserException? wrong = null;
        try
        {
            made = work();
        }
        catch (UserException cause)
        {
            wrong = cause;
        }

        var lines = ranks.Gather(wrong?.Message ?? "");
        if (lines.All(line => line.Length == 0))
            return made!;
        (made as IDisposable)?.Dispose();
        ranks.Close();
        if (wrong is null || lines.Take(ranks.Rank).Contains(wrong.Message))
            throw new RankException(lines.First(line => line.Length > 0), isSaid: true);
        throw lines.All(line => line == wrong.Message) ? wrong : new UserException($"rank {ranks.Rank}: {wrong.Message}", wrong);
    }

    /// <summary>An error that every rank finds at the same place, in the same words: the ranks part, and rank 0 says it.</summary>
    /// <param name="ranks">The ranks; all make this call.</param>
    /// <param name="message">The line.</param>
    public static UserException Common(this ICommunicator ranks, string message)
    {
        ranks.Close();
        return ranks.Rank == 0 ? new UserException(message) : new RankException(message, isSaid: true);
    }
}
