using System.Runtime.InteropServices;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Storage;

/// <summary>Writes arrays as .npy files, which Python opens with <c>numpy.load(path,
/// mmap_mode="r")</c>.</summary>
public static class NpyFile
{
    private const int BlockLength = 1 << 20;

    /// <summary>Writes an array in C order, whole or not at all.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="shape">Outermost axis first.</param>
    /// <param name="values">As many values as the shape says.</param>
    /// <exception cref="UserException">The file cannot be written.</exception>
    public static void Write<T>(string path, long[] shape, ReadOnlyMemory<T> values) where T : unmanaged
    {
        AtomicFile.Write(path, stream => Write(stream, shape, values));
    }

    /// <summary>Writes an array in C order.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="shape">Outermost axis first.</param>
    /// <param name="values">As many values as the shape says.</param>
    public static void Write<T>(Stream stream, long[] shape, ReadOnlyMemory<T> values) where T : unmanaged
    {
        if (shape.Aggregate(1L, (a, b) => a * b) != values.Length)
            throw new ArgumentException($"{values.Length} values do not fill {string.Join(" × ", shape)}");
        stream.Write(NpyHeader.Bytes(NpyHeader.NameOf<T>(), shape));
        for (var start = 0; start < values.Length; start += BlockLength)
        {
            var block = values.Span.Slice(start, Math.Min(BlockLength, values.Length - start));
            stream.Write(MemoryMarshal.AsBytes(block));
        }
    }
}
