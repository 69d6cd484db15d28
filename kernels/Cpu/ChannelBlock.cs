using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MedSegDsl.Kernels;

/// <summary>
/// Sixteen neighbouring channels, one cache line of a row: what a kernel works on at a time. The last block of a row may have fewer; its
/// missing channels read as zero and are not written.
/// </summary>
internal readonly unsafe struct ChannelBlock
{
    /// <summary>Channels of a block.</summary>
    public const int Width = 16;

    /// <summary>The number of blocks of a row.</summary>
    public static int Count(int channels) => (channels + Width - 1) / Width;

    /// <summary>A block of a row.</summary>
    /// <param name="index">Which one.</param>
    /// <param name="channels">The channels of the whole row.</param>
    public ChannelBlock(int index, int channels)
    {
        Index = index;
        First = index * Width;
        Used = Math.Min(Width, channels - First);
    }

    /// <summary>Which block of the row it is.</summary>
    public int Index { get; }

    /// <summary>The row's first channel in this block.</summary>
    public int First { get; }

    /// <summary>How many channels of the block there are.</summary>
    public int Used { get; }

    /// <summary>Copies this block of neighbouring rows into two arrays (rows, 8): the first eight channels and the others.</summary>
    /// <param name="row">The first row.</param>
    /// <param name="step">Floats from a row to the next.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="low">Where the first eight channels go.</param>
    /// <param name="high">Where the others go.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void ReadRows(float* row, long step, int rows, float* low, float* high)
    {
        row += First;
        for (var i = 0; i < rows; i++, row += step, low += 8, high += 8)
        {
            if (Used == Width)
            {
                Vector256.Store(Vector256.Load(row), low);
                Vector256.Store(Vector256.Load(row + 8), high);
                continue;
            }
            for (var k = 0; k < 8; k++)
            {
                low[k] = k < Used ? row[k] : 0f;
                high[k] = k + 8 < Used ? row[k + 8] : 0f;
            }
        }
    }

    /// <summary>Copies two arrays (rows, 8) into this block of neighbouring rows: undoes <see cref="ReadRows"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void WriteRows(float* low, float* high, float* row, long step, int rows)
    {
        row += First;
        for (var i = 0; i < rows; i++, row += step, low += 8, high += 8)
        {
            if (Used == Width)
            {
                Vector256.Store(Vector256.Load(low), row);
                Vector256.Store(Vector256.Load(high), row + 8);
                continue;
            }
            for (var k = 0; k < Used; k++)
            {
                row[k] = k < 8 ? low[k] : high[k - 8];
            }
        }
    }

    /// <summary>Copies this block of a row into sixteen floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Read(float* row, float* to)
    {
        row += First;
        if (Used == Width)
        {
            Vector256.Store(Vector256.Load(row), to);
            Vector256.Store(Vector256.Load(row + 8), to + 8);
            return;
        }
        for (var i = 0; i < Width; i++)
        {
            to[i] = i < Used ? row[i] : 0f;
        }
    }

    /// <summary>Copies sixteen floats into this block of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(float* from, float* row)
    {
        row += First;
        if (Used == Width)
        {
            Vector256.Store(Vector256.Load(from), row);
            Vector256.Store(Vector256.Load(from + 8), row + 8);
            return;
        }
        for (var i = 0; i < Used; i++)
        {
            row[i] = from[i];
        }
    }

    /// <summary>Adds sixteen floats to this block of a row.</summary>
    public void Add(float* from, float* row)
    {
        row += First;
        for (var i = 0; i < Used; i++)
        {
            row[i] += from[i];
        }
    }
}
