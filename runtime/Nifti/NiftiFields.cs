using System.Buffers.Binary;
using System.Text;
using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Nifti;

/// <summary>The byte positions of the header fields in both versions. NIfTI-1 floats are widened to
/// double.</summary>
internal readonly ref struct NiftiFields(ReadOnlySpan<byte> bytes, int version, bool bigEndian)
{
    private readonly ReadOnlySpan<byte> bytes = bytes;

    private bool First => version == 1;

    public bool BigEndian => bigEndian;

    public string Magic => Encoding.Latin1.GetString(bytes.Slice(First ? 344 : 4, 4)).TrimEnd('\0');

    public short Datatype => Int16(First ? 70 : 12);

    public double VoxelOffset => First ? Single(108) : Int64(168);

    public double Slope => First ? Single(112) : Double(176);

    public double Intercept => First ? Single(116) : Double(184);

    public int QFormCode => First ? Int16(252) : Int32(344);

    public int SFormCode => First ? Int16(254) : Int32(348);

    public int Units => First ? bytes[123] : Int32(500);

    public long Dim(int i) => First ? Int16(40 + 2 * i) : Int64(16 + 8 * i);

    public double Pixdim(int i) => First ? Single(76 + 4 * i) : Double(104 + 8 * i);

    public double[] Quaternion() => Row(First ? 256 : 352, 6);

    public double[] SForm() => Row(First ? 280 : 400, 12);

    /// <summary>Changes a length, or the number of dimensions (i = 0), in the header's bytes.</summary>
    public static void SetDim(Span<byte> header, int version, bool bigEndian, int i, short value)
    {
        var at = header[(version == 1 ? 40 + 2 * i : 16 + 8 * i)..];
        if (version == 1 && bigEndian)
            BinaryPrimitives.WriteInt16BigEndian(at, value);
        else if (version == 1)
            BinaryPrimitives.WriteInt16LittleEndian(at, value);
        else if (bigEndian)
            BinaryPrimitives.WriteInt64BigEndian(at, value);
        else
            BinaryPrimitives.WriteInt64LittleEndian(at, value);
    }

    public static byte[] Write(NiftiHeader header, int[] shape, VoxelType type)
    {
        var first = header.Version == 1;
        var size = first ? NiftiHeader.Size1 : NiftiHeader.Size2;
        var result = new byte[size + 4];
        Span<byte> bytes = result;

        void Int16(int at, int value) => BinaryPrimitives.WriteInt16LittleEndian(result.AsSpan(at), checked((short)value));
        void Int32(int at, int value) => BinaryPrimitives.WriteInt32LittleEndian(result.AsSpan(at), value);
        void Float(int at, double value)
        {
            if (first)
                BinaryPrimitives.WriteSingleLittleEndian(result.AsSpan(at), (float)value);
            else
                BinaryPrimitives.WriteDoubleLittleEndian(result.AsSpan(at), value);
        }

        var width = first ? 4 : 8;
        Int32(0, size);
        Encoding.Latin1.GetBytes(first ? "n+1\0" : "n+2\0\r\n\u001a\n").CopyTo(bytes[(first ? 344 : 4)..]);
        Int16(first ? 70 : 12, (int)type);
        Int16(first ? 72 : 14, 8 * type.Bytes());
        ReadOnlySpan<int> dim = [3, shape[0], shape[1], shape[2], 1, 1, 1, 1];
        ReadOnlySpan<double> pixdim = [header.QuaternionSign, .. header.VoxelSize, 1, 1, 1, 1];
        for (var i = 0; i < 8; i++)
        {
            if (first)
                Int16(40 + 2 * i, dim[i]);
            else
                BinaryPrimitives.WriteInt64LittleEndian(bytes[(16 + 8 * i)..], dim[i]);
            Float((first ? 76 : 104) + width * i, pixdim[i]);
        }

        if (first)
            Float(108, size + 4);
        else
            BinaryPrimitives.WriteInt64LittleEndian(bytes[168..], size + 4);
        Float(first ? 112 : 176, 1);
        if (first)
        {
            result[123] = (byte)header.Units;
            Int16(252, header.QFormCode);
            Int16(254, header.SFormCode);
        }
        else
        {
            Int32(500, header.Units);
            Int32(344, header.QFormCode);
            Int32(348, header.SFormCode);
        }

        for (var i = 0; i < 6; i++)
            Float((first ? 256 : 352) + width * i, header.Quaternion[i]);
        for (var i = 0; i < 12; i++)
            Float((first ? 280 : 400) + width * i, header.SForm[i]);
        return result;
    }

    private double[] Row(int at, int count)
    {
        var row = new double[count];
        for (var i = 0; i < count; i++)
            row[i] = First ? Single(at + 4 * i) : Double(at + 8 * i);
        return row;
    }

    private short Int16(int at) => bigEndian
        ? BinaryPrimitives.ReadInt16BigEndian(bytes[at..])
        : BinaryPrimitives.ReadInt16LittleEndian(bytes[at..]);

    private int Int32(int at) => bigEndian
        ? BinaryPrimitives.ReadInt32BigEndian(bytes[at..])
        : BinaryPrimitives.ReadInt32LittleEndian(bytes[at..]);

    private long Int64(int at) => bigEndian
        ? BinaryPrimitives.ReadInt64BigEndian(bytes[at..])
        : BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);

    private double Single(int at) => bigEndian
        ? BinaryPrimitives.ReadSingleBigEndian(bytes[at..])
        : BinaryPrimitives.ReadSingleLittleEndian(bytes[at..]);

    private double Double(int at) => bigEndian
        ? BinaryPrimitives.ReadDoubleBigEndian(bytes[at..])
        : BinaryPrimitives.ReadDoubleLittleEndian(bytes[at..]);
}
