namespace MedSegDsl.Runtime.Storage.Blosc2;

/// <summary>
/// Unpacks BloscLZ, Blosc's own codec, in which c-blosc2 stores the index of a file. A stream of instructions: fewer than
/// 32 says how many literal bytes follow (less one); more is a copy of bytes that are there already, its length in the
/// upper three bits, its distance in the lower five and the next byte, both with bytes that extend them.
/// </summary>
internal static class BloscLz
{
    private const int MostLiterals = 32;
    private const int LongLength = 7;
    private const int ShortestCopy = 3;
    private const int NearDistance = 0x1FFF;

    /// <summary>Unpacks a stream.</summary>
    /// <param name="source">The stream.</param>
    /// <param name="target">Room for exactly what it holds.</param>
    /// <exception cref="InvalidDataException">The stream is damaged.</exception>
    public static void Decode(ReadOnlySpan<byte> source, Span<byte> target)
    {
        int from = 0, to = 0;
        while (from < source.Length)
        {
            // The first instruction is always a run of literals; its upper bits mean something else.
            int instruction = from == 0 ? source[from++] & (MostLiterals - 1) : source[from++];
            if (instruction < MostLiterals)
            {
                var literals = instruction + 1;
                if (from + literals > source.Length || to + literals > target.Length)
                    throw Damaged();
                source.Slice(from, literals).CopyTo(target[to..]);
                (from, to) = (from + literals, to + literals);
                continue;
            }

            var length = instruction >> 5;
            if (length == LongLength)
                length += Extension(source, ref from);
            length += ShortestCopy - 1;
            var distance = (instruction & 31) << 8 | Next(source, ref from);
            if (distance == NearDistance)
                distance += Next(source, ref from) << 8 | Next(source, ref from);
            distance++;
            if (distance > to || to + length > target.Length)
                throw Damaged();
            // Byte by byte: a copy may read what it has just written.
            for (var end = to + length; to < end; to++)
                target[to] = target[to - distance];
        }

        if (to != target.Length)
            throw Damaged();
    }

    private static int Extension(ReadOnlySpan<byte> source, ref int from)
    {
        var sum = 0;
        byte next;
        do
        {
            next = Next(source, ref from);
            sum += next;
        }
        while (next == byte.MaxValue);
        return sum;
    }

    private static byte Next(ReadOnlySpan<byte> source, ref int from) =>
        from < source.Length ? source[from++] : throw Damaged();

    private static InvalidDataException Damaged() => new("a stream of BloscLZ is damaged");
}
