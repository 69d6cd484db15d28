using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace MedSegDsl.Runtime.Distributed.Control;

/// <summary>
/// Where rank 0 listens for the others: MASTER_ADDR and MASTER_PORT. Without the first it is the machine's own loopback; without
/// the second a port that follows from the job's name.
/// </summary>
/// <param name="Host">A name or an address.</param>
/// <param name="Port">The TCP port.</param>
/// <param name="Token">Sixteen bytes that all ranks of the training know, and others do not by accident.</param>
public sealed record MeetingPoint(string Host, int Port, byte[] Token)
{
    /// <summary>The variable with a training's secret, set where medseg starts the processes itself.</summary>
    public const string TokenVariable = "MEDSEG_RUN_TOKEN";

    private const int UsualPort = 29500;
    private const int FirstPort = 20000, Ports = 12000;

    /// <summary>Whether the processes are all on this machine.</summary>
    public bool IsLocal => Host == "localhost" || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));

    /// <summary>The meeting point that the environment names.</summary>
    /// <exception cref="UserException">Ranks on several machines need MASTER_ADDR.</exception>
    public static MeetingPoint FromEnvironment(RankPlace place) => From(place, Environment.GetEnvironmentVariable);

    /// <summary>The meeting point that variables name.</summary>
    /// <param name="place">This process's place.</param>
    /// <param name="variable">The value of a variable; null where it is not set.</param>
    /// <exception cref="UserException">Ranks on several machines need MASTER_ADDR.</exception>
    public static MeetingPoint From(RankPlace place, Func<string, string?> variable)
    {
        var job = variable(TokenVariable) ?? variable("PMIX_NAMESPACE")
            ?? (variable("SLURM_JOB_ID") is { } id ? $"{id}.{variable("SLURM_STEP_ID")}" : null);
        var secret = SHA256.HashData(Encoding.UTF8.GetBytes($"{job} of {place.Size}"));
        var port = int.TryParse(variable("MASTER_PORT"), NumberStyles.None, CultureInfo.InvariantCulture, out var named) ? named
            : job is null ? UsualPort
            : FirstPort + (int)(BitConverter.ToUInt32(secret, 16) % Ports);
        var host = variable("MASTER_ADDR");
        if (host is null && int.TryParse(variable("SLURM_NNODES"), NumberStyles.None, CultureInfo.InvariantCulture, out var nodes) && nodes > 1)
            throw new UserException(
                $"{place.Size} processes on {nodes} machines need the first one's name: "
                + "export MASTER_ADDR=$(scontrol show hostnames $SLURM_JOB_NODELIST | head -n 1)");
        return new MeetingPoint(host ?? IPAddress.Loopback.ToString(), port, secret[..16]);
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
