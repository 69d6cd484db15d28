using System.IO.Compression;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Nifti;

/// <summary>Reads and writes .nii and .nii.gz files in their own axis order. Whether a file is compressed is
/// seen by its
/// first bytes when reading and by its ending when writing.</summary>
public static class NiftiFile
{
    // Deflate's best: 258 bytes from two bits.
    private const long MaximumCompression = 1032;

    /// <summary>The header and its bytes.</summary>
    /// <exception cref="UserException">The file is missing or no NIfTI volume of scalars; the line names
    /// it.</exception>
    public static (NiftiHeader Header, byte[] Bytes) ReadHeader(string file) => Open(file, (header, bytes, _) => (header, bytes));

    /// <summary>Reads an image in float32: (z, y, x).</summary>
    /// <exception cref="UserException">The file is missing, truncated, corrupt or no NIfTI volume of scalars;
    /// the line names it.</exception>
    public static (ImageArray<float> Voxels, NiftiHeader Header, byte[] Bytes) Read(string file) =>
        Open(file, (header, bytes, stream) =>
        {
            var image = new ImageArray<float>(1, Shape(header));
            ReadVoxels(file, header, stream, (start, values) =>
                System.Numerics.Tensors.TensorPrimitives.ConvertTruncating(values, image.Data.AsSpan(start, values.Length)));
            return (image, header, bytes);
        });

    /// <summary>Reads a label map: (z, y, x).</summary>
    /// <exception cref="UserException">As <see cref="Read"/>, or a value is no whole number in the range of
    /// int16.</exception>
    public static (ImageArray<short> Voxels, NiftiHeader Header, byte[] Bytes) ReadLabels(string file) =>
        Open(file, (header, bytes, stream) =>
        {
            var labels = new ImageArray<short>(1, Shape(header));
            ReadVoxels(file, header, stream, (start, values) => LabelValues.Take(file, values, labels.Data.AsSpan(start, values.Length)));
            return (labels, header, bytes);
        });

    /// <summary>Writes an image in float32.</summary>
    /// <param name="file">Compressed where it ends in .gz.</param>
    /// <param name="image">One channel.</param>
    /// <param name="geometry">Version and geometry of the new file.</param>
    public static void Write(string file, ImageArray<float> image, NiftiHeader geometry) =>
        Save(file, image.Shape, geometry, VoxelType.Float32, stream => StoredVoxels.Write<float, float>(stream, image.Channel(0)));

    /// <summary>Writes a label map: uint8 where all labels are below 255, else uint16 (as nnU-Net).</summary>
    /// <param name="file">Compressed where it ends in .gz.</param>
    /// <param name="labels">One channel.</param>
    /// <param name="geometry">Version and geometry of the new file.</param>
    /// <exception cref="ArgumentException">A label is negative.</exception>
    public static void WriteLabels(string file, ImageArray<short> labels, NiftiHeader geometry)
    {
        if (LabelValues.FitByte(labels))
            Save(file, labels.Shape, geometry, VoxelType.UInt8, stream => StoredVoxels.Write<short, byte>(stream, labels.Channel(0)));
        else
            Save(file, labels.Shape, geometry, VoxelType.UInt16, stream => StoredVoxels.Write<short, ushort>(stream, labels.Channel(0)));
    }

    /// <summary>Reads the values one block after the other, without keeping them.</summary>
    /// <param name="file">The file.</param>
    /// <param name="use">Takes the index of a block's first voxel and its values.</param>
    /// <exception cref="UserException">As <see cref="Read"/>.</exception>
    public static void Scan(string file, Action<int, ReadOnlySpan<double>> use) => Open(file, (header, _, stream) =>
    {
        ReadVoxels(file, header, stream, use);
        return true;
    });

    private static int[] Shape(NiftiHeader header) => [header.Shape[2], header.Shape[1], header.Shape[0]];

    private static T Open<T>(string file, Func<NiftiHeader, byte[], Stream, T> read) => Unpack(file, (bytes, stream, claim) =>
    {
        var header = NiftiHeader.Parse(bytes, file);
        claim(header.VoxelOffset + header.VoxelCount * header.Type.Bytes());
        return read(header, bytes, stream);
    });

    /// <summary>Opens a file, compressed or not.</summary>
    /// <param name="file">The file.</param>
    /// <param name="read">Takes the header's bytes, the stream after them, and a check to call with the bytes
    /// that the header claims the file to have.</param>
    /// <exception cref="UserException">The file is missing, truncated, corrupt or no NIfTI file.</exception>
    internal static T Unpack<T>(string file, Func<byte[], Stream, Action<long>, T> read) => FileErrors.Guard(file, () =>
    {
        using var stored = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        var compressed = stored.ReadByte() == 0x1f && stored.ReadByte() == 0x8b;
        stored.Position = 0;
        using Stream stream = compressed ? new GZipStream(stored, CompressionMode.Decompress) : stored;
        var start = new byte[4];
        if (stored.Length == 0)
            throw new UserException($"{file}: is empty");
        if (stream.ReadAtLeast(start, 4, throwOnEndOfStream: false) < 4 || NiftiHeader.SizeOf(start) == 0)
            throw new UserException($"{file}: is no NIfTI file: it does not start with a NIfTI header");
        var bytes = new byte[NiftiHeader.SizeOf(start)];
        start.CopyTo(bytes, 0);
        if (stream.ReadAtLeast(bytes.AsSpan(4), bytes.Length - 4, throwOnEndOfStream: false) < bytes.Length - 4)
            throw new UserException($"{file}: is truncated: it ends inside its header");
        var length = stored.Length;
        return read(bytes, stream, needed =>
        {
            if (needed > (compressed ? length * MaximumCompression : length))
                throw new UserException(
                    $"{file}: is truncated or corrupt: its header claims {needed} bytes, but the file has {length}{(compressed ? " compressed" : "")}");
        });
    });

    private static void ReadVoxels(string file, NiftiHeader header, Stream stream, Action<int, ReadOnlySpan<double>> use)
    {
        var size = header.Version == 1 ? NiftiHeader.Size1 : NiftiHeader.Size2;
        if (!Skip(stream, header.VoxelOffset - size) || !StoredVoxels.Read(stream, header.Type, header.BigEndian, (int)header.VoxelCount, use, header.Slope, header.Intercept))
            throw new UserException(
                $"{file}: is truncated: its header claims {string.Join(" × ", header.Shape)} voxels of {header.Type.NumpyName()}");

        // Reading on makes the decompressor check the sum at the end of the file.
        stream.ReadByte();
    }

    // Extensions lie between the header and the voxels.
    private static bool Skip(Stream stream, long count)
    {
        var buffer = new byte[4096];
        while (count > 0)
        {
            var read = stream.Read(buffer, 0, (int)Math.Min(buffer.Length, count));
            if (read == 0)
                return false;
            count -= read;
        }

        return true;
    }

    private static void Save(string file, int[] shape, NiftiHeader geometry, VoxelType type, Action<Stream> writeVoxels) =>
        Save(file, stream =>
        {
            stream.Write(geometry.ToBytes([shape[2], shape[1], shape[0]], type));
            writeVoxels(stream);
        });

    /// <summary>Writes a file whole.</summary>
    /// <param name="file">Compressed where it ends in .gz.</param>
    /// <param name="write">Writes header and voxels.</param>
    internal static void Save(string file, Action<Stream> write) =>
        AtomicFile.Write(file, stored =>
        {
            // .NET writes no time of day into the gzip header: equal volumes give equal files.
            using var compressor = file.EndsWith(".gz", StringComparison.OrdinalIgnoreCase)
                ? new GZipStream(stored, CompressionLevel.Optimal, leaveOpen: true)
                : null;
            write(compressor ?? stored);
        });
}
