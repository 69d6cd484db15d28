using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace MedSegDsl.Runtime.Training.Progress;

/// <summary>
/// TensorFlow's record format (tensorflow/core/lib/io/record_writer): length in 8 bytes, its checksum in 4, the data, their
/// checksum in 4, all little-endian. A checksum is CRC-32C, turned right by 15 bits, plus a constant.
/// </summary>
internal static class TFRecord
{
    private const uint MaskDelta = 0xa282ead8;
    private const int HeaderSize = 12;
    private const int FooterSize = 4;

    /// <summary>The bytes of a record.</summary>
    public static byte[] Of(ReadOnlySpan<byte> data)
    {
        var record = new byte[HeaderSize + data.Length + FooterSize];
        BinaryPrimitives.WriteInt64LittleEndian(record, data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), Checksum(record.AsSpan(0, 8)));
        data.CopyTo(record.AsSpan(HeaderSize));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(HeaderSize + data.Length), Checksum(data));
        return record;
    }

    /// <summary>Reads the record at the beginning of some bytes.</summary>
    /// <param name="bytes">What is left of a file.</param>
    /// <param name="data">The record's data.</param>
    /// <param name="size">The record's whole length in bytes.</param>
    /// <returns>False where there is no whole record.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out byte[]? data, out int size)
    {
        (data, size) = (null, 0);
        if (bytes.Length < HeaderSize + FooterSize
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]) != Checksum(bytes[..8]))
        {
            return false;
        }

        var length = BinaryPrimitives.ReadInt64LittleEndian(bytes);
        if (length > bytes.Length - HeaderSize - FooterSize)
            return false;
        var content = bytes.Slice(HeaderSize, (int)length);
        size = HeaderSize + (int)length + FooterSize;
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[(size - FooterSize)..]) != Checksum(content))
            return false;
        data = content.ToArray();
        return true;
    }

    private static uint Checksum(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
            crc = BitOperations.Crc32C(crc, value);
        return BitOperations.RotateRight(~crc, 15) + MaskDelta;
    }
}
