using System.Globalization;
using System.Text;

namespace MedSegDsl.Runtime.Imaging.Itk;

/// <summary>How the values of a file are packed.</summary>
internal enum ItkEncoding
{
    /// <summary>As they are.</summary>
    Raw,

    /// <summary>With gzip's header and sum: NRRD.</summary>
    Gzip,

    /// <summary>With zlib's: MetaImage.</summary>
    Zlib,
}

/// <summary>What the header of a NRRD or MetaImage file says.</summary>
/// <param name="Shape">Voxels along x, y and, in 3D, z.</param>
/// <param name="Type">How values are stored.</param>
/// <param name="BigEndian">True where numbers have their high byte first.</param>
/// <param name="Encoding">How they are packed.</param>
/// <param name="Geometry">Spacing, origin, direction.</param>
/// <param name="DataFile">The file of the values; null where they follow the header.</param>
/// <param name="DataOffset">Where they start in that file; −1 where they are its last bytes.</param>
internal sealed record ItkHeader(
    int[] Shape, VoxelType Type, bool BigEndian, ItkEncoding Encoding, ItkGeometry Geometry, string? DataFile, long DataOffset)
{
    private const int LongestHeader = 1 << 20;

    /// <summary>Voxels along z, y, x; a 2D image is one slice.</summary>
    public int[] Shape3D => Shape.Length == 2 ? [1, Shape[1], Shape[0]] : [Shape[2], Shape[1], Shape[0]];

    /// <summary>The lines of the header, up to and with the one that ends it; the stream is left behind
    /// it.</summary>
    /// <exception cref="UserException">No line ends the header.</exception>
    public static List<string> Lines(Stream stream, string file, string format, Func<string, bool> isLast)
    {
        List<string> lines = [];
        StringBuilder line = new();
        for (var i = 0; i < LongestHeader; i++)
        {
            var next = stream.ReadByte();
            if (next < 0)
                break;
            if (next != '\n')
            {
                line.Append((char)next);
                continue;
            }

            lines.Add(line.ToString().TrimEnd('\r'));
            line.Clear();
            if (isLast(lines[^1]))
                return lines;
        }

        throw new UserException($"{file}: is no {format} file, or is truncated: its header does not end");
    }

    /// <summary>The sizes, checked.</summary>
    /// <exception cref="UserException">They are not 2 or 3 positive numbers, or too many voxels.</exception>
    public static int[] CheckShape(int[] shape, string file)
    {
        if (shape.Length is not (2 or 3))
            throw new UserException($"{file}: has {shape.Length} dimensions; write each volume to a file of its own (one for each channel)");
        if (shape.Min() < 1)
            throw new UserException($"{file}: is corrupt: it has {string.Join(" × ", shape)} voxels");
        return shape.Aggregate(Int128.One, (product, size) => product * size) <= Array.MaxLength
            ? shape
            : throw new UserException($"{file}: claims {string.Join(" × ", shape)} voxels, more than can be read at once");
    }

    /// <summary>Numbers with anything that is no number between them.</summary>
    public static double[] Numbers(string text) =>
    [
        .. text.Split([' ', '\t', ',', '(', ')'], StringSplitOptions.RemoveEmptyEntries)
            .Select(word => double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : double.NaN),
    ];

    /// <summary>Numbers as they are written to a header: the shortest text that reads back the same.</summary>
    public static string Text(IEnumerable<double> values, string between = " ") =>
        string.Join(between, values.Select(value => value.ToString("R", CultureInfo.InvariantCulture)));
}
