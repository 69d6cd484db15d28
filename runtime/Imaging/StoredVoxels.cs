using System.Buffers.Binary;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace MedSegDsl.Runtime.Imaging;

/// <summary>Stored bytes to values and back, a block at a time so that a volume is never held
/// twice.</summary>
internal static class StoredVoxels
{
    private const int Block = 16384;

    /// <summary>Reads values one block after the other, scaled in double as nibabel does.</summary>
    /// <param name="stream">Stands at the first voxel.</param>
    /// <param name="type">How values are stored.</param>
    /// <param name="bigEndian">Whether they have their high byte first.</param>
    /// <param name="count">Number of voxels.</param>
    /// <param name="use">Takes the index of a block's first voxel and its values.</param>
    /// <param name="slope">Value = stored · slope + intercept.</param>
    /// <param name="intercept">Value = stored · slope + intercept.</param>
    /// <returns>False where the stream ends too early.</returns>
    public static bool Read(
        Stream stream,
        VoxelType type,
        bool bigEndian,
        int count,
        Action<int, ReadOnlySpan<double>> use,
        double slope = 1,
        double intercept = 0)
    {
        var size = type.Bytes();
        var bytes = new byte[Block * size];
        var values = new double[Block];
        for (var start = 0; start < count; start += Block)
        {
            var length = Math.Min(Block, count - start);
            var stored = bytes.AsSpan(0, length * size);
            if (stream.ReadAtLeast(stored, stored.Length, throwOnEndOfStream: false) < stored.Length)
                return false;
            if (bigEndian)
                Reverse(stored, size);
            var block = values.AsSpan(0, length);
            Widen(stored, type, block);
            if (slope != 1 || intercept != 0)
            {
                // Two roundings, not a fused multiply-add: numpy scales and shifts in two steps.
                TensorPrimitives.Multiply(block, slope, block);
                TensorPrimitives.Add(block, intercept, block);
            }

            use(start, block);
        }

        return true;
    }

    /// <summary>Writes values in a little-endian type; they must fit.</summary>
    public static void Write<TFrom, TTo>(Stream stream, ReadOnlySpan<TFrom> values)
        where TFrom : unmanaged, INumberBase<TFrom>
        where TTo : unmanaged, INumberBase<TTo>
    {
        var block = new TTo[Block];
        for (var start = 0; start < values.Length; start += Block)
        {
            var length = Math.Min(Block, values.Length - start);
            TensorPrimitives.ConvertTruncating(values.Slice(start, length), block.AsSpan(0, length));
            stream.Write(MemoryMarshal.AsBytes(block.AsSpan(0, length)));
        }
    }

    /// <summary>Stored values of this machine's byte order as doubles.</summary>
    public static void Widen(ReadOnlySpan<byte> stored, VoxelType type, Span<double> values)
    {
        switch (type)
        {
            case VoxelType.UInt8: Widen<byte>(stored, values); break;
            case VoxelType.Int8: Widen<sbyte>(stored, values); break;
            case VoxelType.UInt16: Widen<ushort>(stored, values); break;
            case VoxelType.Int16: Widen<short>(stored, values); break;
            case VoxelType.UInt32: Widen<uint>(stored, values); break;
            case VoxelType.Int32: Widen<int>(stored, values); break;
            case VoxelType.UInt64: Widen<ulong>(stored, values); break;
            case VoxelType.Int64: Widen<long>(stored, values); break;
            case VoxelType.Float32: Widen<float>(stored, values); break;
            default: MemoryMarshal.Cast<byte, double>(stored).CopyTo(values); break;
        }
    }

    private static void Widen<T>(ReadOnlySpan<byte> stored, Span<double> values) where T : unmanaged, INumberBase<T> =>
        TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, T>(stored), values);

    private static void Reverse(Span<byte> stored, int size)
    {
        switch (size)
        {
            case 2:
                var shorts = MemoryMarshal.Cast<byte, ushort>(stored);
                BinaryPrimitives.ReverseEndianness(shorts, shorts);
                break;
            case 4:
                var ints = MemoryMarshal.Cast<byte, uint>(stored);
                BinaryPrimitives.ReverseEndianness(ints, ints);
                break;
            case 8:
                var longs = MemoryMarshal.Cast<byte, ulong>(stored);
                BinaryPrimitives.ReverseEndianness(longs, longs);
                break;
        }
    }
}
