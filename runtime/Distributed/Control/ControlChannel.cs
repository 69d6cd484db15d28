using System.Net.Sockets;

namespace MedSegDsl.Runtime.Distributed.Control;

/// <summary>
/// Connections of every rank with rank 0 for small values: one for calls, and one that says at once when a process is gone
/// (<see cref="RankWatch"/>).
/// </summary>
internal sealed class ControlChannel : IDisposable
{
    private const byte Accepted = 1;
    private const byte Calls = 0, Watching = 1;
    private static readonly TimeSpan HelloTime = TimeSpan.FromSeconds(10);

    private readonly RankPlace place;
    private readonly Socket[] calls;

    private ControlChannel(RankPlace place, Socket[] calls, Socket[] watching, Action<int, string> lost)
    {
        this.place = place;
        this.calls = calls;
        Watch = new RankWatch(place, watching, lost);
    }

    /// <summary>Notices ranks that are gone.</summary>
    public RankWatch Watch { get; }

    /// <summary>Joins the ranks; returns when all have come.</summary>
    /// <param name="place">This process's place.</param>
    /// <param name="point">Where they meet.</param>
    /// <param name="patience">How long to wait for the last one.</param>
    /// <param name="lost">Told on another thread, at most once, which rank is gone and why.</param>
    /// <exception cref="UserException">A rank has not come in time.</exception>
    public static ControlChannel Join(RankPlace place, MeetingPoint point, TimeSpan patience, Action<int, string> lost)
    {
        var deadline = DateTime.UtcNow + patience;
        // Of all ranks the calls, then the watches.
        var sockets = new Socket?[2 * (place.Rank > 0 ? 1 : place.Size - 1)];
        try
        {
            if (place.Rank > 0)
                GoToRank0(place, point, deadline, sockets);
            else
                Welcome(place, point, deadline, sockets);
            Socket[] all = [.. sockets.OfType<Socket>()];
            return new ControlChannel(place, all[..(all.Length / 2)], all[(all.Length / 2)..], lost);
        }
        catch (Exception cause)
        {
            foreach (var socket in sockets)
                socket?.Dispose();
            if (cause is IOException or SocketException)
                throw new UserException(
                    $"rank {place.Rank}: the processes at {point.Host}:{point.Port} have parted before all had come: look at what the others have printed", cause);
            throw;
        }
    }

    /// <summary>A few bytes from every rank, in the order of the ranks.</summary>
    /// <exception cref="IOException">A rank is gone.</exception>
    public IReadOnlyList<byte[]> Gather(ReadOnlyMemory<byte> own)
    {
        if (place.Rank > 0)
        {
            Frames.Send(calls[0], own.Span);
            return [.. Enumerable.Range(0, place.Size).Select(_ => Frames.Receive(calls[0]))];
        }

        byte[][] all = [own.ToArray(), .. calls.Select(socket => Frames.Receive(socket))];
        foreach (var socket in calls)
            foreach (var part in all)
                Frames.Send(socket, part);
        return all;
    }

    /// <summary>Ends calls that wait for ranks which are gone.</summary>
    public void Interrupt()
    {
        foreach (var socket in calls)
            socket.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Watch.Dispose();
        Interrupt();
    }

    private static void GoToRank0(RankPlace place, MeetingPoint point, DateTime deadline, Socket?[] sockets)
    {
        sockets[0] = Call(place, point, Calls, deadline);
        sockets[1] = Call(place, point, Watching, deadline);
        foreach (var socket in sockets.OfType<Socket>())
        {
            socket.ReceiveTimeout = (int)Math.Max(1, (deadline + HelloTime - DateTime.UtcNow).TotalMilliseconds);
            Frames.Receive(socket, 1);
            socket.ReceiveTimeout = 0;
        }
    }

    private static void Welcome(RankPlace place, MeetingPoint point, DateTime deadline, Socket?[] sockets)
    {
        using var listener = point.Listen();
        while (sockets.Contains(null))
        {
            if (Accept(listener, place, point, deadline, sockets) is not var (rank, kind, socket))
                continue;
            var seat = rank - 1 + (kind == Calls ? 0 : place.Size - 1);
            sockets[seat]?.Dispose();
            sockets[seat] = socket;
        }

        foreach (var socket in sockets.OfType<Socket>())
            Frames.SendAll(socket, [Accepted]);
    }

    private static Socket Call(RankPlace place, MeetingPoint point, byte kind, DateTime deadline)
    {
        while (true)
        {
            if (point.TryConnect() is { } socket)
            {
                Frames.SendAll(socket, [.. point.Token, .. BitConverter.GetBytes(place.Rank), kind]);
                return socket;
            }

            if (DateTime.UtcNow > deadline)
                throw new UserException($"rank {place.Rank}: rank 0 cannot be reached at {point.Host}:{point.Port}");
            Thread.Sleep(50);
        }
    }

    private static (int Rank, byte Kind, Socket Socket)? Accept(
        TcpListener listener, RankPlace place, MeetingPoint point, DateTime deadline, Socket?[] seats)
    {
        while (!listener.Pending())
        {
            if (DateTime.UtcNow > deadline)
                throw new UserException(
                    $"rank {Array.IndexOf(seats, null) % (place.Size - 1) + 1} of {place.Size} has not come to {point.Host}:{point.Port}: look at what it has printed");
            Thread.Sleep(20);
        }

        var socket = listener.AcceptSocket();
        try
        {
            socket.NoDelay = true;
            socket.ReceiveTimeout = (int)HelloTime.TotalMilliseconds;
            var hello = Frames.Receive(socket, point.Token.Length + sizeof(int) + 1);
            socket.ReceiveTimeout = 0;
            var rank = BitConverter.ToInt32(hello, point.Token.Length);
            if (hello.AsSpan(0, point.Token.Length).SequenceEqual(point.Token) && rank > 0 && rank < place.Size && hello[^1] <= Watching)
                return (rank, hello[^1], socket);
        }
        catch (Exception cause) when (cause is IOException or SocketException)
        {
            // A stranger, or a rank that is gone again.
        }

        socket.Dispose();
        return null;
    }
}
