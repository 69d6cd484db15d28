using System.Security.Cryptography;
using System.Text;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Checkpoints;

/// <summary>The checksum of a checkpoint: SHA-256 over its state and, by name, each tensor's name, type, shape and numbers.</summary>
internal static class CheckpointSum
{
    /// <summary>The sum in hexadecimal digits.</summary>
    /// <param name="state">The state as JSON.</param>
    /// <param name="tensors">The tensors by name, on any device.</param>
    public static string Of(string state, IReadOnlyDictionary<string, Tensor> tensors)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(state));
        foreach (var (name, tensor) in tensors.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            using var scope = NewDisposeScope();
            hash.AppendData(Encoding.UTF8.GetBytes($"\n{name} {tensor.dtype} {string.Join('x', tensor.shape)}\n"));
            hash.AppendData(tensor.cpu().contiguous().bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
