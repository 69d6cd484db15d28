using System.Runtime.InteropServices;

namespace MedSegDsl.Runtime.Storage.Blosc2;

/// <summary>Blosc's shuffle filter: the first bytes of all values, then the second ones, ..., which suits
/// floats.</summary>
internal static class ByteShuffle
{
    /// <summary>Takes the bytes of each value apart.</summary>
    /// <param name="values">The values; bytes that do not make up a whole one stay at the end.</param>
    /// <param name="size">Bytes of a value.</param>
    /// <param name="planes">As many bytes.</param>
    public static void Split(ReadOnlySpan<byte> values, int size, Span<byte> planes)
    {
        var count = values.Length / size;
        for (var plane = 0; plane < size; plane++)
            for (var i = 0; i < count; i++)
                planes[plane * count + i] = values[i * size + plane];
        values[(count * size)..].CopyTo(planes[(count * size)..]);
    }

    /// <summary>Puts the bytes of each value together again.</summary>
    /// <param name="planes">The first bytes of all values, then the second ones, ...</param>
    /// <param name="size">Bytes of a value.</param>
    /// <param name="values">As many bytes.</param>
    public static void Join(ReadOnlySpan<byte> planes, int size, Span<byte> values)
    {
        var count = planes.Length / size;
        if (size == sizeof(float))
            JoinFours(planes, count, MemoryMarshal.Cast<byte, uint>(values));
        else
            for (var plane = 0; plane < size; plane++)
                for (var i = 0; i < count; i++)
                    values[i * size + plane] = planes[plane * count + i];
        planes[(count * size)..].CopyTo(values[(count * size)..]);
    }

    private static void JoinFours(ReadOnlySpan<byte> planes, int count, Span<uint> values)
    {
        var first = planes[..count];
        var second = planes.Slice(count, count);
        var third = planes.Slice(2 * count, count);
        var fourth = planes.Slice(3 * count, count);
        for (var i = 0; i < count; i++)
            values[i] = first[i] | (uint)second[i] << 8 | (uint)third[i] << 16 | (uint)fourth[i] << 24;
    }
}
