using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MedSegDsl.Kernels;

/// <summary>
/// Sixteen neighbouring channels, one cache line of a row: what a kernel works on at a time. The last block of a row may have fewer; its
/// missing channels read as zero and are not written.
/// </summary>
/// <param name="Index">Which block of the row.</param>
/// <param name="Channels">The channels of the whole row.</param>
internal readonly unsafe record struct ChannelBlock(int Index, int Channels)
{
    /// <summary>Channels of a block.</summary>
    public const int Width = 16;

    /// <summary>The number of blocks of a row.</summary>
    public static int Count(int channels) => (channels + Width - 1) / Width;

    /// <summary>The row's first channel in this block.</summary>
    public int First => Index * Width;

    /// <summary>How many channels of the block there are.</summary>
    public int Used => Math.Min(Width, Channels - First);

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
