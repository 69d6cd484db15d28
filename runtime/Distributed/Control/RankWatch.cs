using System.Net.Sockets;
using System.Text;

namespace MedSegDsl.Runtime.Distributed.Control;

/// <summary>
/// Notices within moments that a process is gone: the system closes its connections, also of a killed one. A machine that is gone
/// closes nothing, but falls silent. Rank 0 tells the others.
/// </summary>
internal sealed class RankWatch : IDisposable
{
    private const byte Beat = 0, Farewell = 1, Lost = 2;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2), Silence = TimeSpan.FromSeconds(30);

    private readonly RankPlace place;
    private readonly Socket[] sockets;
    private readonly Action<int, string> lost;
    private readonly ManualResetEventSlim stop = new();
    private readonly Lock gate = new();
    private readonly int[] parted;
    private int told;

    /// <summary>Begins to watch.</summary>
    /// <param name="place">This process's place.</param>
    /// <param name="sockets">On rank 0 those of ranks 1, 2, …; else that of rank 0.</param>
    /// <param name="lost">Told once which rank is gone and why.</param>
    public RankWatch(RankPlace place, Socket[] sockets, Action<int, string> lost)
    {
        (this.place, this.sockets, this.lost) = (place, sockets, lost);
        parted = new int[sockets.Length];
        // Not a timer: those wait while a parallel loop has all threads of the pool.
        new Thread(KeepBeating) { IsBackground = true, Name = "heart" }.Start();
        for (var i = 0; i < sockets.Length; i++)
        {
            var peer = i;
            sockets[i].ReceiveTimeout = (int)Silence.TotalMilliseconds;
            new Thread(() => Listen(peer)) { IsBackground = true, Name = $"watch {RankOf(peer)}" }.Start();
        }
    }

    /// <summary>Says that this process leaves in order; connections that close then mean nothing.</summary>
    public void Part()
    {
        Interlocked.Exchange(ref told, 1);
        SendAll([Farewell]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Interlocked.Exchange(ref told, 1);
        stop.Set();
        foreach (var socket in sockets)
            socket.Dispose();
    }

    private int RankOf(int peer) => place.Rank == 0 ? peer + 1 : 0;

    private void KeepBeating()
    {
        while (!stop.Wait(Pause))
            SendAll([Beat]);
    }

    private void Listen(int peer)
    {
        var socket = sockets[peer];
        try
        {
            while (true)
            {
                switch (Frames.Receive(socket, 1)[0])
                {
                    case Farewell:
                        Interlocked.Exchange(ref parted[peer], 1);
                        break;
                    case Lost:
                        var rank = BitConverter.ToInt32(Frames.Receive(socket, sizeof(int)));
                        Tell(rank, Encoding.UTF8.GetString(Frames.Receive(socket)));
                        return;
                }
            }
        }
        catch (Exception cause) when (cause is IOException or SocketException or ObjectDisposedException)
        {
            if (parted[peer] == 0)
                Tell(RankOf(peer), cause is SocketException { SocketErrorCode: SocketError.TimedOut or SocketError.WouldBlock } ? "has fallen silent" : "has ended");
        }
    }

    private void Tell(int rank, string why)
    {
        if (Interlocked.Exchange(ref told, 1) == 1)
            return;
        if (place.Rank == 0)
        {
            var text = Encoding.UTF8.GetBytes(why);
            SendAll([Lost, .. BitConverter.GetBytes(rank), .. BitConverter.GetBytes(text.Length), .. text]);
        }

        lost(rank, why);
    }

    private void SendAll(ReadOnlySpan<byte> message)
    {
        lock (gate)
        {
            foreach (var socket in sockets)
            {
                try
                {
                    Frames.SendAll(socket, message);
                }
                catch (Exception cause) when (cause is SocketException or ObjectDisposedException)
                {
                    // Its listener notices as well.
                }
            }
        }
    }
}
