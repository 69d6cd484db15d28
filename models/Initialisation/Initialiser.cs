using System.Text;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>Fills a network's parameters with the starts that its layers name.</summary>
public static class Initialiser
{
    /// <summary>
    /// Fills every parameter. Each draws from a generator of its own, seeded with the seed and the parameter's name, so
    /// that what two variants of a network have in common starts the same in both.
    /// </summary>
    /// <param name="network">A network on the CPU.</param>
    /// <param name="seed">The same seed gives the same weights.</param>
    public static void Fill(nn.Module network, long seed)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        foreach (var (prefix, module) in network.named_modules().Prepend(("", network)))
        {
            if (module is not IStarts layer)
            {
                continue;
            }

            foreach (var (name, start) in layer.Starts)
            {
                using var generator = new Generator(Seed(seed, prefix.Length == 0 ? name : $"{prefix}.{name}"));
                start.Fill(module.get_parameter(name)!, generator);
            }
        }
    }

    /// <summary>FNV-1a over the seed's bytes and the name's.</summary>
    private static ulong Seed(long seed, string name)
    {
        var hash = 0xcbf29ce484222325UL;
        foreach (var b in BitConverter.GetBytes(seed).Concat(Encoding.UTF8.GetBytes(name)))
        {
            hash = (hash ^ b) * 0x100000001b3UL;
        }

        return hash;
    }
}
