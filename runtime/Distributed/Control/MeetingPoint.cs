using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace MedSegDsl.Runtime.Distributed.Control;

/// <summary>
/// Where rank 0 listens for the others: MASTER_ADDR and MASTER_PORT. Without the first it is the machine's own loopback; without
/// the second a port that follows from the job's name. Slurm itself names the first machine of several.
/// </summary>
/// <param name="Host">A name or an address.</param>
/// <param name="Port">The TCP port.</param>
/// <param name="Token">Sixteen bytes that all ranks of the training know, and others do not by accident.</param>
public sealed record MeetingPoint(string Host, int Port, byte[] Token)
{
    /// <summary>The variable with a training's secret, set where medseg starts the processes itself.</summary>
    public const string TokenVariable = "MEDSEG_RUN_TOKEN";

    /// <summary>This machine, for itself.</summary>
    internal const string Loopback = "127.0.0.1";

    private const int UsualPort = 29500;
    private const int FirstPort = 20000, Ports = 12000;

    /// <summary>Whether the processes are all on this machine.</summary>
    public bool IsLocal => Host == "localhost" || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));

    /// <summary>The meeting point that the environment names.</summary>
    /// <exception cref="UserException">There are several machines, and nothing says which one rank 0 is on.</exception>
    public static MeetingPoint FromEnvironment(RankPlace place) => From(place, Environment.GetEnvironmentVariable);

    /// <summary>The meeting point that variables name.</summary>
    /// <param name="place">This process's place.</param>
    /// <param name="variable">The value of a variable; null where it is not set.</param>
    /// <exception cref="UserException">There are several machines, and nothing says which one rank 0 is on.</exception>
    public static MeetingPoint From(RankPlace place, Func<string, string?> variable)
    {
        var job = variable(TokenVariable) ?? variable("PMIX_NAMESPACE")
            ?? (variable("SLURM_JOB_ID") is { } id ? $"{id}.{variable("SLURM_STEP_ID")}" : null);
        var secret = SHA256.HashData(Encoding.UTF8.GetBytes($"{job} of {place.Size}"));
        var port = int.TryParse(variable("MASTER_PORT"), NumberStyles.None, CultureInfo.InvariantCulture, out var named) ? named
            : job is null ? UsualPort
            : FirstPort + (int)(BitConverter.ToUInt32(secret, 16) % Ports);
        return new MeetingPoint(variable("MASTER_ADDR") ?? SlurmHost(place, variable) ?? Loopback, port, secret[..16]);
    }

    /// <summary>A point for the processes of a host, known to nobody who has not been told.</summary>
    internal static MeetingPoint New(string host) => new(host, FreePort(), RandomNumberGenerator.GetBytes(16));

    /// <summary>A port of this machine that nobody listens on.</summary>
    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Rank 0's listener: on loopback unless the environment names another host.</summary>
    /// <exception cref="UserException">The port is taken.</exception>
    internal TcpListener Listen()
    {
        // A machine's own name can mean its loopback, which the other machines cannot reach.
        var listener = new TcpListener(IsLocal ? IPAddress.Loopback : IPAddress.Any, Port);
        try
        {
            listener.Start();
            return listener;
        }
        catch (SocketException cause)
        {
            throw new UserException($"port {Port} for the processes of the training: {cause.Message}; set MASTER_PORT to a free one", cause);
        }
    }

    /// <summary>The machine that rank 0 is on, where srun has started processes on several; null on one.</summary>
    private static string? SlurmHost(RankPlace place, Func<string, string?> variable)
    {
        var nodes = variable("SLURM_STEP_NUM_NODES") ?? variable("SLURM_NNODES");
        if (!int.TryParse(nodes, NumberStyles.None, CultureInfo.InvariantCulture, out var machines) || machines < 2)
            return null;
        return (variable("SLURM_STEP_NODELIST") ?? variable("SLURM_JOB_NODELIST")) is { } list
            ? SlurmNodes.First(list)
            : throw new UserException(
                $"{place.Size} processes on {machines} machines need the first one's name, and SLURM_JOB_NODELIST is not set: export MASTER_ADDR=NAME");
    }

    /// <summary>A connection to rank 0; null while it does not listen yet.</summary>
    internal Socket? TryConnect()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.Connect(Host, Port);
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }
}
