using System.IO.Compression;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Imaging.Itk;

/// <summary>Reads and writes NRRD (.nrrd) and MetaImage (.mha; .mhd with its values in a file beside
/// it).</summary>
internal static class ItkFile
{
    // Deflate's best: 258 bytes from two bits.
    private const long MaximumCompression = 1032;

    /// <summary>Whether the ending is NRRD's; MetaImage's otherwise.</summary>
    private static bool IsNrrd(string file) => file.EndsWith(".nrrd", StringComparison.OrdinalIgnoreCase);

    /// <summary>The header.</summary>
    /// <exception cref="UserException">The file is missing, or no scalar image of 2 or 3 dimensions.</exception>
    public static ItkHeader ReadHeader(string file) => FileErrors.Guard(file, () =>
    {
        using var stream = Open(file);
        return Header(stream, file);
    });

    /// <summary>Reads the values one block after the other.</summary>
    /// <param name="file">The file.</param>
    /// <param name="start">Takes the header, gives what takes the index of a block's first voxel and its
    /// values.</param>
    /// <exception cref="UserException">The file is missing, truncated, corrupt, or no scalar image of 2 or 3
    /// dimensions; the line names it.</exception>
    public static ItkHeader Read(string file, Func<ItkHeader, Action<int, ReadOnlySpan<double>>> start) => FileErrors.Guard(file, () =>
    {
        using var own = Open(file);
        var header = Header(own, file);
        using var beside = header.DataFile is { } name ? OpenBeside(file, name) : null;
        var stored = beside ?? own;
        var count = header.Shape.Aggregate(1L, (product, size) => product * size);
        var needed = count * header.Type.Bytes();
        if (header.DataOffset == -1 && header.Encoding == ItkEncoding.Raw)
            stored.Position = Math.Max(0, stored.Length - needed);
        else if (beside is not null)
            stored.Position = Math.Max(0, header.DataOffset);
        var left = stored.Length - stored.Position;
        if (needed > (header.Encoding == ItkEncoding.Raw ? left : left * MaximumCompression))
            throw new UserException(
                $"{file}: is truncated or corrupt: its header claims {needed} bytes of voxels, but {left}{(header.Encoding == ItkEncoding.Raw ? "" : " compressed")} are there");
        using var stream = header.Encoding switch
        {
            ItkEncoding.Gzip => new GZipStream(stored, CompressionMode.Decompress),
            ItkEncoding.Zlib => new ZLibStream(stored, CompressionMode.Decompress),
            _ => stored as Stream,
        };
        if (!StoredVoxels.Read(stream, header.Type, header.BigEndian, (int)count, start(header)))
            throw new UserException($"{file}: is truncated: its header claims {string.Join(" × ", header.Shape)} voxels of {header.Type.NumpyName()}");

        // Reading on makes the decompressor check the sum at the end.
        if (header.Encoding != ItkEncoding.Raw)
            stream.ReadByte();
        return header;
    });

    /// <summary>Writes one channel, compressed.</summary>
    /// <param name="file">.nrrd, .mha or .mhd.</param>
    /// <param name="shape">Voxels along z, y, x.</param>
    /// <param name="type">How values are stored.</param>
    /// <param name="geometry">Two dimensions for a single slice.</param>
    /// <param name="write">Writes the values.</param>
    public static void Write(string file, int[] shape, VoxelType type, ItkGeometry geometry, Action<Stream> write)
    {
        if (geometry.Dimensions == 2 && shape[0] != 1)
            throw new ArgumentException($"{shape[0]} slices do not fit in a 2D image");
        int[] size = geometry.Dimensions == 2 ? [shape[2], shape[1]] : [shape[2], shape[1], shape[0]];
        if (IsNrrd(file))
        {
            AtomicFile.Write(file, stream =>
            {
                stream.Write(NrrdHeader.Write(size, type, geometry));
                using var compressor = new GZipStream(stream, CompressionLevel.Optimal, leaveOpen: true);
                write(compressor);
            });
            return;
        }

        // The header tells the compressed size, so the values are packed first.
        using var packed = new MemoryStream();
        using (var compressor = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
            write(compressor);
        var beside = file.EndsWith(".mhd", StringComparison.OrdinalIgnoreCase) ? Path.ChangeExtension(file, ".zraw") : null;
        if (beside is not null)
            AtomicFile.Write(beside, packed.WriteTo);
        AtomicFile.Write(file, stream =>
        {
            stream.Write(MetaImageHeader.Write(size, type, geometry, packed.Length, beside is null ? "LOCAL" : Path.GetFileName(beside)));
            if (beside is null)
                packed.WriteTo(stream);
        });
    }

    private static FileStream Open(string file) => new(file, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);

    private static FileStream OpenBeside(string file, string name)
    {
        var beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file))!, name);
        return File.Exists(beside) ? Open(beside) : throw new UserException($"{file}: its values should be in {beside}, which is missing");
    }

    private static ItkHeader Header(Stream stream, string file) =>
        IsNrrd(file) ? NrrdHeader.Read(stream, file) : MetaImageHeader.Read(stream, file);
}
