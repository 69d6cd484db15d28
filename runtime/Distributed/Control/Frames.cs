using System.Net.Sockets;

namespace MedSegDsl.Runtime.Distributed.Control;

/// <summary>Whole messages over a connection: a length in four bytes, then the bytes.</summary>
internal static class Frames
{
    private const int Longest = 1 << 28;

    /// <summary>Sends a message.</summary>
    public static void Send(Socket socket, ReadOnlySpan<byte> message)
    {
        SendAll(socket, BitConverter.GetBytes(message.Length));
        SendAll(socket, message);
    }

    /// <summary>Waits for a message.</summary>
    /// <exception cref="IOException">The other end is gone, or speaks otherwise.</exception>
    public static byte[] Receive(Socket socket)
    {
        var length = BitConverter.ToInt32(Receive(socket, sizeof(int)));
        return length is >= 0 and <= Longest ? Receive(socket, length) : throw new IOException("not a message of a rank");
    }

    /// <summary>Waits for so many bytes.</summary>
    /// <exception cref="IOException">The other end is gone.</exception>
    public static byte[] Receive(Socket socket, int count)
    {
        var bytes = new byte[count];
        for (var read = 0; read < count;)
        {
            var part = socket.Receive(bytes.AsSpan(read), SocketFlags.None);
            read += part > 0 ? part : throw new IOException("the connection was closed");
        }

        return bytes;
    }

    /// <summary>Sends bytes as they are.</summary>
    public static void SendAll(Socket socket, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
            bytes = bytes[socket.Send(bytes, SocketFlags.None)..];
    }
}
