namespace MedSegDsl.Runtime.Training.Loading;

/// <summary>
/// The random numbers of one batch, from seed, purpose, epoch and iteration alone: which thread makes the batch, and
/// whether training was interrupted before it, changes nothing. The generator is SplitMix64 (Steele, Lea and Flood 2014).
/// </summary>
public sealed class BatchRandom
{
    private ulong state;

    /// <summary>The generator of a batch.</summary>
    /// <param name="seed">The experiment's seed.</param>
    /// <param name="batch">Which batch.</param>
    public BatchRandom(int seed, BatchKey batch)
    {
        foreach (var part in (ReadOnlySpan<int>)[seed, (int)batch.Purpose, batch.Epoch, batch.Iteration])
            Separate(part);
    }

    /// <summary>A whole number, all of 0 … count − 1 equally likely.</summary>
    /// <param name="count">At least 1.</param>
    public int Below(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return (int)(((UInt128)NextBits() * (uint)count) >> 64);
    }

    /// <summary>A whole number, all of lowest … highest equally likely.</summary>
    public int Between(int lowest, int highest) => lowest + Below(highest - lowest + 1);

    /// <summary>True with a probability of ½.</summary>
    public bool Coin() => NextBits() >> 63 == 1;

    /// <summary>True with a probability.</summary>
    public bool Chance(double probability) => Unit() < probability;

    /// <summary>A number, uniform from low to high.</summary>
    public double Uniform(double low, double high) => low + (high - low) * Unit();

    /// <summary>A number, normal with mean 0 and deviation 1 (Box and Muller 1958).</summary>
    public double Normal() => Math.Sqrt(-2 * Math.Log(1 - Unit())) * Math.Cos(2 * Math.PI * Unit());

    /// <summary>The numbers 0 … count − 1, every order equally likely.</summary>
    public int[] Order(int count)
    {
        var order = Enumerable.Range(0, count).ToArray();
        for (var i = count - 1; i > 0; i--)
        {
            var j = Below(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }

    /// <summary>Goes on with numbers of a part of the batch's own: other processes draw others for their parts.</summary>
    /// <param name="part">Tells the parts apart.</param>
    public void Separate(int part)
    {
        state ^= (uint)part;
        state = NextBits();
    }

    /// <summary>A seed for a device's own generator.</summary>
    public ulong Seed() => NextBits();

    /// <summary>Uniform from 0 up to but not 1, with 53 bits.</summary>
    private double Unit() => (NextBits() >> 11) * (1.0 / (1L << 53));

    private ulong NextBits()
    {
        state += 0x9E3779B97F4A7C15UL;
        var z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
