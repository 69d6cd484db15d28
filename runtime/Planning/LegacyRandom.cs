using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;

namespace MedSegDsl.Runtime.Planning;

/// <summary>numpy's legacy generator (RandomState): Mersenne Twister MT19937 seeded by one 32-bit number, and
/// numpy's legacy ways of
/// drawing integers and permutations. nnU-Net's splits, foreground locations and fingerprints come from it.
/// Matsumoto and Nishimura, Mersenne Twister, 1998; seeding init_genrand of 2002.</summary>
public sealed class LegacyRandom
{
    private const int Length = 624;
    private const int Shift = 397;

    private readonly uint[] state = new uint[Length];
    private readonly uint[] outputs = new uint[Length];
    private int next = Length;

    /// <summary>A generator with a seed, as numpy.random.RandomState(seed).</summary>
    public LegacyRandom(uint seed)
    {
        state[0] = seed;
        for (var i = 1; i < Length; i++)
            state[i] = 1812433253u * (state[i - 1] ^ (state[i - 1] >> 30)) + (uint)i;
    }

    /// <summary>The next 32-bit output.</summary>
    public uint NextUInt32()
    {
        if (next == Length)
            Refill();
        return outputs[next++];
    }

    /// <summary>A double in [0, 1) with 53 random bits: numpy's random_sample.</summary>
    public double NextDouble()
    {
        var high = NextUInt32() >> 5;
        var low = NextUInt32() >> 6;
        return (high * 67108864.0 + low) / 9007199254740992.0;
    }

    /// <summary>An integer in 0 … <paramref name="maximum"/>, both included, by masked rejection; 0 uses no
    /// output.</summary>
    public uint NextInteger(uint maximum)
    {
        if (maximum == 0)
            return 0;
        var mask = Mask(maximum);
        uint value;
        do
            value = NextUInt32() & mask;
        while (value > maximum);
        return value;
    }

    /// <summary>Shuffles in place, as numpy's legacy shuffle.</summary>
    public void Shuffle<T>(Span<T> entries)
    {
        for (var i = entries.Length - 1; i > 0; i--)
        {
            var j = (int)NextInteger((uint)i);
            (entries[i], entries[j]) = (entries[j], entries[i]);
        }
    }

    /// <summary>The numbers 0 … n − 1 shuffled.</summary>
    public int[] Permutation(int n)
    {
        var numbers = new int[n];
        for (var i = 0; i < n; i++)
            numbers[i] = i;
        Shuffle<int>(numbers);
        return numbers;
    }

    /// <summary><paramref name="count"/> different numbers below n: numpy's choice without
    /// replacement.</summary>
    public int[] ChooseDistinct(int n, int count)
    {
        // The shuffle's exchanges are undone, the last one first, following only the entries that end among
        // the first. Exchange i undone moves what stands at its partner, a place below i, to place i, where
        // nothing has come yet. Places that have been passed need their partner no more and hold their entry.
        var partners = ArrayPool<int>.Shared.Rent(n);
        for (var i = n - 1; i >= 0; i--)
            partners[i] = (int)NextInteger((uint)i);
        var isFollowed = new System.Collections.BitArray(n);
        for (var i = 0; i < count; i++)
        {
            isFollowed[i] = true;
            var partner = partners[i];
            (partners[i], partners[partner]) = (partners[partner], i);
        }

        for (var i = count; i < n; i++)
        {
            if (!isFollowed[partners[i]])
                continue;
            isFollowed[partners[i]] = false;
            isFollowed[i] = true;
            partners[i] = partners[partners[i]];
        }

        var chosen = new int[count];
        for (var place = 0; place < n; place++)
            if (isFollowed[place])
                chosen[partners[place]] = place;
        ArrayPool<int>.Shared.Return(partners);
        return chosen;
    }

    /// <summary><paramref name="count"/> numbers below n, each drawn from all: numpy's choice with
    /// replacement.</summary>
    public int[] Choose(int n, int count)
    {
        var numbers = new int[count];
        for (var i = 0; i < count; i++)
            numbers[i] = (int)NextInteger((uint)(n - 1));
        return numbers;
    }

    /// <summary>How often each number below n occurs in <see cref="Choose"/>(n, count), without keeping the
    /// draws.</summary>
    public int[] CountChosen(int n, long count)
    {
        if (n == 1)
            return [checked((int)count)];
        var maximum = (uint)(n - 1);
        var mask = Mask(maximum);

        // Rejected numbers are counted too, above n: no branch for the processor to mispredict.
        var counts = new int[mask + 1L];
        while (count > 0)
        {
            if (next == Length)
                Refill();
            var outputsLeft = outputs.AsSpan(next);
            if (outputsLeft.Length > count)
            {
                counts[NextInteger(maximum)]++;
                count--;
                continue;
            }

            ref var first = ref MemoryMarshal.GetArrayDataReference(counts);
            foreach (var output in outputsLeft)
            {
                var value = output & mask;
                System.Runtime.CompilerServices.Unsafe.Add(ref first, value)++;
                count -= value <= maximum ? 1 : 0;
            }

            next = Length;
        }

        return counts.AsSpan(0, n).ToArray();
    }

    private static uint Mask(uint maximum) => uint.MaxValue >> BitOperations.LeadingZeroCount(maximum);

    // All 624 words at once: words 0 … 226 come from old words only, the later ones from words 227 places
    // before.
    private void Refill()
    {
        Twist(0, Length - Shift, Shift);
        Twist(Length - Shift, Length - 1, Shift - Length);
        state[^1] = state[Shift - 1] ^ Mixed(state[^1], state[0]);
        Temper();
        next = 0;
    }

    private void Twist(int from, int to, int distance)
    {
        var i = from;
        for (; i + Vector<uint>.Count <= to; i += Vector<uint>.Count)
        {
            var word = (new Vector<uint>(state, i) & new Vector<uint>(0x80000000u))
                       | (new Vector<uint>(state, i + 1) & new Vector<uint>(0x7fffffffu));
            var odd = Vector<uint>.Zero - (word & Vector<uint>.One);
            (new Vector<uint>(state, i + distance) ^ (word >> 1) ^ (odd & new Vector<uint>(0x9908b0dfu))).CopyTo(state, i);
        }

        for (; i < to; i++)
            state[i] = state[i + distance] ^ Mixed(state[i], state[i + 1]);
    }

    private static uint Mixed(uint high, uint low)
    {
        var word = (high & 0x80000000u) | (low & 0x7fffffffu);
        return (word >> 1) ^ ((word & 1) * 0x9908b0dfu);
    }

    private void Temper()
    {
        for (var i = 0; i < Length; i += Vector<uint>.Count)
        {
            var y = new Vector<uint>(state, i);
            y ^= y >> 11;
            y ^= (y << 7) & new Vector<uint>(0x9d2c5680u);
            y ^= (y << 15) & new Vector<uint>(0xefc60000u);
            (y ^ (y >> 18)).CopyTo(outputs, i);
        }
    }
}
