using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace MedSegDsl.Runtime.Storage;

/// <summary>
/// The header of a .npy file, numpy's format for one array (numpy.lib.format): magic, version, a Python
/// dictionary with type, order and shape, padded so that the values start at a multiple of 64 bytes.
/// </summary>
/// <param name="Type">numpy's name: <c>&lt;f4</c>, <c>|i1</c>, <c>&lt;i2</c>, <c>&lt;i4</c>.</param>
/// <param name="Shape">Outermost axis first.</param>
/// <param name="DataOffset">Bytes before the first value.</param>
public sealed partial record NpyHeader(string Type, long[] Shape, int DataOffset)
{
    private const int Alignment = 64;
    private const int PrefixLength = 10;
    private static readonly byte[] Magic = [0x93, .. "NUMPY"u8];

    /// <summary>Number of values.</summary>
    public long Count => Shape.Aggregate(1L, (a, b) => a * b);

    /// <summary>numpy's name of a type of values, little-endian.</summary>
    public static string NameOf<T>() where T : unmanaged => default(T) switch
    {
        float => "<f4",
        sbyte => "|i1",
        byte => "|u1",
        short => "<i2",
        ushort => "<u2",
        int => "<i4",
        _ => throw new NotSupportedException($"no .npy type for {typeof(T)}"),
    };

    /// <summary>Bytes of a value of a type that can be read; null for others.</summary>
    public static int? SizeOf(string type) => type switch
    {
        "|i1" or "|u1" => sizeof(byte),
        "<i2" or "<u2" => sizeof(short),
        "<i4" => sizeof(int),
        "<f4" => sizeof(float),
        _ => null,
    };

    /// <summary>The bytes before the values, for an array in C order.</summary>
    public static byte[] Bytes(string type, IEnumerable<long> shape)
    {
        long[] axes = [.. shape];
        var tuple = axes.Length == 1 ? $"({axes[0]},)" : $"({string.Join(", ", axes)})";
        var dictionary = $"{{'descr': '{type}', 'fortran_order': False, 'shape': {tuple}, }}";
        var padded = (PrefixLength + dictionary.Length + 1 + Alignment - 1) / Alignment * Alignment - PrefixLength;
        var text = dictionary.PadRight(padded - 1) + "\n";
        return [.. Magic, 1, 0, (byte)(padded & 0xFF), (byte)(padded >> 8), .. Encoding.ASCII.GetBytes(text)];
    }

    /// <summary>Reads a header from the start of a file; the stream then stands at the first value.</summary>
    /// <param name="stream">The file; need not be seekable.</param>
    /// <param name="path">Its name, for errors.</param>
    /// <exception cref="UserException">Not a .npy file in C order.</exception>
    public static NpyHeader Read(Stream stream, string path)
    {
        Span<byte> prefix = stackalloc byte[PrefixLength + 2];
        if (!Fill(stream, prefix[..PrefixLength]) || !prefix.StartsWith(Magic))
            throw Broken(path);
        // From version 2 on the length of the dictionary has four bytes.
        var start = prefix[6] == 1 ? PrefixLength : PrefixLength + 2;
        if (!Fill(stream, prefix[PrefixLength..start]))
            throw Broken(path);
        var length = prefix[8] | prefix[9] << 8 | prefix[10] << 16 | prefix[11] << 24;
        if (length is <= 0 or > 1 << 16)
            throw Broken(path);
        var bytes = new byte[length];
        if (!Fill(stream, bytes))
            throw Broken(path);
        var match = Dictionary().Match(Encoding.ASCII.GetString(bytes));
        if (!match.Success)
            throw Broken(path);
        long[] shape = [.. match.Groups["shape"].Value
            .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(axis => long.Parse(axis, CultureInfo.InvariantCulture))];
        return new NpyHeader(match.Groups["type"].Value, shape, start + length);
    }

    private static bool Fill(Stream stream, Span<byte> bytes) =>
        stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length;

    private static UserException Broken(string path) =>
        new($"{path}: is not a .npy file in C order; delete the case's files and preprocess it again");

    [GeneratedRegex(@"^\{'descr': '(?<type>[<|=]\w+)', 'fortran_order': False, 'shape': \((?<shape>[\d, ]*)\),? *\}")]
    private static partial Regex Dictionary();
}
