using System.Buffers.Binary;
using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Nifti;

/// <summary>Splits a 4D file into its volumes. Header, scaling and stored values stay as they are; only the
/// number of dimensions changes.</summary>
public static class NiftiVolumes
{
    private const int Block = 1 << 16;

    /// <summary>Writes each volume to a file of its own; a 3D file is one volume.</summary>
    /// <param name="file">The file.</param>
    /// <param name="targets">One path for each volume; compressed where it ends in .gz.</param>
    /// <exception cref="UserException">The file is missing, truncated or corrupt, or has another number of
    /// volumes.</exception>
    public static void Split(string file, IReadOnlyList<string> targets) => NiftiFile.Unpack(file, (start, stream, claim) =>
    {
        var (volumes, single) = SingleVolume(start, file);
        if (volumes != targets.Count)
            throw new UserException($"{file}: has {volumes} volumes, {targets.Count} are expected (one for each channel)");
        var header = NiftiHeader.Parse(single, file);
        claim(header.VoxelOffset + volumes * header.VoxelCount * header.Type.Bytes());
        var lead = new byte[header.VoxelOffset];
        single.CopyTo(lead, 0);
        Fill(stream, lead.AsSpan(single.Length), file);
        var block = new byte[Block];
        foreach (var target in targets)
            NiftiFile.Save(target, output =>
            {
                output.Write(lead);
                for (var left = header.VoxelCount * header.Type.Bytes(); left > 0; left -= Math.Min(left, Block))
                {
                    var part = block.AsSpan(0, (int)Math.Min(left, Block));
                    Fill(stream, part, file);
                    output.Write(part);
                }
            });

        // Reading on makes the decompressor check the sum at the end of the file.
        return stream.ReadByte();
    });

    private static void Fill(Stream stream, Span<byte> bytes, string file)
    {
        if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
            throw new UserException($"{file}: is truncated: it ends before its last voxel");
    }

    // The number of volumes, and the header of one of them.
    private static (long Volumes, byte[] Header) SingleVolume(byte[] header, string file)
    {
        var bigEndian = BinaryPrimitives.ReadInt32LittleEndian(header) is not (NiftiHeader.Size1 or NiftiHeader.Size2);
        var version = NiftiHeader.SizeOf(header) == NiftiHeader.Size2 ? 2 : 1;
        NiftiFields fields = new(header, version, bigEndian);
        if (fields.Dim(0) is not (3 or 4))
            throw new UserException($"{file}: has {fields.Dim(0)} dimensions; 3 or 4 are expected");
        var volumes = fields.Dim(0) == 4 ? fields.Dim(4) : 1;
        var single = (byte[])header.Clone();
        NiftiFields.SetDim(single, version, bigEndian, 0, 3);
        NiftiFields.SetDim(single, version, bigEndian, 4, 1);
        return (volumes, single);
    }
}
