using System.Text.RegularExpressions;
using BitMiracle.LibTiff.Classic;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Imaging.Tiff;

/// <summary>Reads and writes the values of TIFF files through LibTiff.NET. Positions and resolutions in the
/// file are not looked at, as nnU-Net does not.</summary>
internal static partial class TiffFile
{
    static TiffFile() => BitMiracle.LibTiff.Classic.Tiff.SetErrorHandler(new Silence());

    /// <summary>Number, size and type of the pages.</summary>
    /// <exception cref="UserException">The file is missing or no TIFF file, its pages differ, or its values
    /// are of a kind that cannot be read.</exception>
    public static TiffLayout ReadLayout(string file) => Open(file, tiff =>
    {
        var first = PageLayout(tiff, file);
        var pages = 1;
        for (; tiff.ReadDirectory(); pages++)
            if (PageLayout(tiff, file) is var page && page with { IsStack = first.IsStack } != first)
                throw new UserException(
                    $"{file}: page {pages + 1} has {page.Height} × {page.Width} pixels of {page.Samples} × {page.Type.NumpyName()}, the first {first.Height} × {first.Width} of {first.Samples} × {first.Type.NumpyName()}");
        return (Int128)pages * first.Height * first.Width * first.Samples <= Array.MaxLength
            ? first with { Pages = pages, IsStack = first.IsStack || pages > 1 }
            : throw new UserException($"{file}: claims {pages} × {first.Height} × {first.Width} pixels, more than can be read at once");
    });

    /// <summary>Reads the values one row after the other: page, row, pixel, sample.</summary>
    /// <param name="file">The file.</param>
    /// <param name="layout">Its layout.</param>
    /// <param name="use">Takes the number of a row, counted over all pages, and its values.</param>
    /// <exception cref="UserException">The file is truncated or corrupt.</exception>
    public static void Read(string file, TiffLayout layout, Action<int, ReadOnlySpan<double>> use) => Open(file, tiff =>
    {
        var values = new double[layout.Width * layout.Samples];
        for (var page = 0; page < layout.Pages; page++)
        {
            var rows = tiff.IsTiled() ? Tiles(tiff, layout, file) : Lines(tiff, layout, file);
            for (var row = 0; row < layout.Height; row++)
            {
                StoredVoxels.Widen(rows(row), layout.Type, values);
                use(page * layout.Height + row, values);
            }

            tiff.ReadDirectory();
        }

        return true;
    });

    /// <summary>Writes pages of one value a pixel, compressed with deflate.</summary>
    /// <param name="file">The file.</param>
    /// <param name="shape">Pages, rows, pixels.</param>
    /// <param name="type">How values are stored.</param>
    /// <param name="describe">Whether the shape is written into the file as tifffile does, so that a single
    /// page is known as a stack.</param>
    /// <param name="values">The values' bytes, little-endian.</param>
    public static void Write(string file, int[] shape, VoxelType type, bool describe, ReadOnlyMemory<byte> values) => AtomicFile.Write(file, stream =>
    {
        using var tiff = BitMiracle.LibTiff.Classic.Tiff.ClientOpen(file, "w", stream, new OpenStream());
        var line = shape[2] * type.Bytes();
        var row = new byte[line];
        for (var page = 0; page < shape[0]; page++)
        {
            tiff.SetField(TiffTag.IMAGEWIDTH, shape[2]);
            tiff.SetField(TiffTag.IMAGELENGTH, shape[1]);
            tiff.SetField(TiffTag.SAMPLESPERPIXEL, 1);
            tiff.SetField(TiffTag.BITSPERSAMPLE, 8 * type.Bytes());
            tiff.SetField(TiffTag.SAMPLEFORMAT, type == VoxelType.Float32 ? SampleFormat.IEEEFP : SampleFormat.UINT);
            tiff.SetField(TiffTag.PHOTOMETRIC, Photometric.MINISBLACK);
            tiff.SetField(TiffTag.PLANARCONFIG, PlanarConfig.CONTIG);
            tiff.SetField(TiffTag.COMPRESSION, Compression.ADOBE_DEFLATE);
            tiff.SetField(TiffTag.ROWSPERSTRIP, shape[1]);
            if (page == 0 && describe)
                tiff.SetField(TiffTag.IMAGEDESCRIPTION, $"{{\"shape\": [{string.Join(", ", shape)}]}}");
            for (var i = 0; i < shape[1]; i++)
            {
                values.Span.Slice((page * shape[1] + i) * line, line).CopyTo(row);
                if (!tiff.WriteScanline(row, i))
                    throw new IOException($"row {i} of page {page} could not be written");
            }

            if (!tiff.WriteDirectory())
                throw new IOException($"page {page} could not be written");
        }
    });

    private static T Open<T>(string file, Func<BitMiracle.LibTiff.Classic.Tiff, T> read) => FileErrors.Guard(file, () =>
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        using var tiff = BitMiracle.LibTiff.Classic.Tiff.ClientOpen(file, "r", stream, new OpenStream())
            ?? throw new UserException($"{file}: is no TIFF file, or is corrupt");
        return read(tiff);
    });

    private static TiffLayout PageLayout(BitMiracle.LibTiff.Classic.Tiff tiff, string file)
    {
        int Field(TiffTag tag) => tiff.GetFieldDefaulted(tag) is [var value, ..] ? value.ToInt() : 0;
        var (height, width, samples) = (Field(TiffTag.IMAGELENGTH), Field(TiffTag.IMAGEWIDTH), Field(TiffTag.SAMPLESPERPIXEL));
        if (height < 1 || width < 1 || samples < 1)
            throw new UserException($"{file}: is corrupt: a page has {height} × {width} pixels of {samples} values");
        if (samples > 1 && Field(TiffTag.PLANARCONFIG) != (int)PlanarConfig.CONTIG)
            throw new UserException($"{file}: has its {samples} channels one after the other; write each to a file of its own");
        var description = tiff.GetField(TiffTag.IMAGEDESCRIPTION) is [var text, ..] ? text.ToString() : "";
        return new(1, height, width, samples, Type(Field(TiffTag.BITSPERSAMPLE), (SampleFormat)Field(TiffTag.SAMPLEFORMAT), file), StackOfOne().IsMatch(description));
    }

    private static VoxelType Type(int bits, SampleFormat format, string file) => (bits, format) switch
    {
        (8, SampleFormat.UINT or SampleFormat.VOID) => VoxelType.UInt8,
        (16, SampleFormat.UINT or SampleFormat.VOID) => VoxelType.UInt16,
        (32, SampleFormat.UINT or SampleFormat.VOID) => VoxelType.UInt32,
        (8, SampleFormat.INT) => VoxelType.Int8,
        (16, SampleFormat.INT) => VoxelType.Int16,
        (32, SampleFormat.INT) => VoxelType.Int32,
        (32, SampleFormat.IEEEFP) => VoxelType.Float32,
        (64, SampleFormat.IEEEFP) => VoxelType.Float64,
        _ => throw new UserException($"{file}: holds values of {bits} bits ({format}); 8, 16 and 32 bits and floats can be read"),
    };

    private delegate ReadOnlySpan<byte> RowOf(int row);

    private static RowOf Lines(BitMiracle.LibTiff.Classic.Tiff tiff, TiffLayout layout, string file)
    {
        var line = new byte[Math.Max(tiff.ScanlineSize(), RowBytes(layout))];
        return row => tiff.ReadScanline(line, row) ? line.AsSpan(0, RowBytes(layout)) : throw Truncated(file);
    }

    private static RowOf Tiles(BitMiracle.LibTiff.Classic.Tiff tiff, TiffLayout layout, string file)
    {
        var (width, length) = (tiff.GetField(TiffTag.TILEWIDTH)[0].ToInt(), tiff.GetField(TiffTag.TILELENGTH)[0].ToInt());
        var pixel = layout.Samples * layout.Type.Bytes();
        var tile = new byte[tiff.TileSize()];
        var page = new byte[layout.Height * RowBytes(layout)];
        for (var y = 0; y < layout.Height; y += length)
            for (var x = 0; x < layout.Width; x += width)
            {
                if (tiff.ReadTile(tile, 0, x, y, 0, 0) < 0)
                    throw Truncated(file);
                for (var row = 0; row < Math.Min(length, layout.Height - y); row++)
                    tile.AsSpan(row * width * pixel, Math.Min(width, layout.Width - x) * pixel)
                        .CopyTo(page.AsSpan((y + row) * RowBytes(layout) + x * pixel));
            }

        return row => page.AsSpan(row * RowBytes(layout), RowBytes(layout));
    }

    private static int RowBytes(TiffLayout layout) => layout.Width * layout.Samples * layout.Type.Bytes();

    private static UserException Truncated(string file) => new($"{file}: is truncated or corrupt: its pixels cannot be read");

    [GeneratedRegex("""^\{"shape": \[1, \d+, \d+\]""")]
    private static partial Regex StackOfOne();

    // The stream belongs to whoever opened it.
    private sealed class OpenStream : TiffStream
    {
        public override void Close(object clientData) { }
    }

    // The library would print to the console; what fails is known by what its methods return.
    private sealed class Silence : TiffErrorHandler
    {
        public override void ErrorHandler(BitMiracle.LibTiff.Classic.Tiff tif, string method, string format, params object[] args) { }

        public override void WarningHandler(BitMiracle.LibTiff.Classic.Tiff tif, string method, string format, params object[] args) { }
    }
}
