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

    /// <summary>Copies this block of neighbouring rows into (rows, 16).</summary>
    /// <param name="row">The first row.</param>
    /// <param name="step">Floats from a row to the next.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="to">Where they go.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void ReadRows(float* row, long step, int rows, float* to)
    {
        for (var i = 0; i < rows; i++, row += step, to += Width)
        {
            Read(row, to);
        }
    }

    /// <summary>Copies (rows, 16) into this block of neighbouring rows.</summary>
    /// <param name="from">The first row's sixteen floats.</param>
    /// <param name="row">The first row.</param>
    /// <param name="step">Floats from a row to the next.</param>
    /// <param name="rows">How many rows.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void WriteRows(float* from, float* row, long step, int rows)
    {
        for (var i = 0; i < rows; i++, row += step, from += Width)
        {
            Write(from, row);
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
