using System.Globalization;
using System.Text;

namespace MedSegDsl.Runtime.Imaging.Itk;

/// <summary>The header of a MetaImage file (.mha, .mhd; itk.org/Wiki/MetaIO/Documentation), understood as
/// ITK's MetaImageIO understands it.</summary>
internal static class MetaImageHeader
{
    private static readonly Dictionary<string, VoxelType> Types = new()
    {
        ["MET_CHAR"] = VoxelType.Int8,
        ["MET_UCHAR"] = VoxelType.UInt8,
        ["MET_SHORT"] = VoxelType.Int16,
        ["MET_USHORT"] = VoxelType.UInt16,
        ["MET_INT"] = VoxelType.Int32,
        ["MET_UINT"] = VoxelType.UInt32,
        ["MET_LONG_LONG"] = VoxelType.Int64,
        ["MET_ULONG_LONG"] = VoxelType.UInt64,
        ["MET_FLOAT"] = VoxelType.Float32,
        ["MET_DOUBLE"] = VoxelType.Float64,
    };

    /// <summary>Reads the header; the stream is left at the values where they follow it.</summary>
    /// <exception cref="UserException">It is no MetaImage header of a scalar image.</exception>
    public static ItkHeader Read(Stream stream, string file)
    {
        Dictionary<string, string> fields = new(StringComparer.Ordinal);
        foreach (var line in ItkHeader.Lines(stream, file, "MetaImage", line => line.StartsWith("ElementDataFile", StringComparison.Ordinal)))
            if (line.Split('=', 2) is [var name, var value])
                fields[name.Trim()] = value.Trim();
        string? Optional(params string[] names) => names.Select(name => fields.GetValueOrDefault(name)).FirstOrDefault(value => value is not null);
        string Field(params string[] names) => Optional(names) ?? throw new UserException($"{file}: is corrupt: its header has no {names[0]}");
        bool Flag(params string[] names) => Optional(names)?.StartsWith("t", StringComparison.OrdinalIgnoreCase) ?? false;
        var dimensions = int.TryParse(Field("NDims"), out var count) ? count : 0;
        var shape = ItkHeader.CheckShape([.. ItkHeader.Numbers(Field("DimSize")).Select(size => double.IsNaN(size) ? 0 : (int)Math.Min(size, int.MaxValue))], file);
        if (shape.Length != dimensions)
            throw new UserException($"{file}: is corrupt: NDims is {Field("NDims")}, DimSize {Field("DimSize")}");
        if (Optional("ElementNumberOfChannels") is { } channels and not "1")
            throw new UserException($"{file}: has {channels} channels; write each to a file of its own");
        if (Optional("BinaryData") is not null && !Flag("BinaryData"))
            throw new UserException($"{file}: has its values as text; write it again with BinaryData = True");
        var dataFile = Field("ElementDataFile");
        if (dataFile.StartsWith("LIST", StringComparison.OrdinalIgnoreCase) || dataFile.Contains('%'))
            throw new UserException($"{file}: has its values in several files; write them to one");
        return new(
            shape,
            Types.TryGetValue(Field("ElementType"), out var type)
                ? type
                : throw new UserException($"{file}: holds values of the type {Field("ElementType")}, which is not known"),
            Flag("BinaryDataByteOrderMSB", "ElementByteOrderMSB"),
            Flag("CompressedData") ? ItkEncoding.Zlib : ItkEncoding.Raw,
            Geometry(Optional, dimensions, file),
            dataFile.Equals("LOCAL", StringComparison.OrdinalIgnoreCase) ? null : dataFile,
            long.TryParse(Optional("HeaderSize"), out var offset) ? offset : 0);
    }

    /// <summary>The header that ITK would write for compressed values.</summary>
    public static byte[] Write(int[] shape, VoxelType type, ItkGeometry geometry, long compressedBytes, string dataFile)
    {
        var n = geometry.Dimensions;
        // One axis of the image after the other: the transpose of the direction matrix.
        var axes = Enumerable.Range(0, n * n).Select(i => geometry.Direction[i % n, i / n]);
        string[] lines =
        [
            "ObjectType = Image",
            $"NDims = {n}",
            "BinaryData = True",
            "BinaryDataByteOrderMSB = False",
            "CompressedData = True",
            string.Create(CultureInfo.InvariantCulture, $"CompressedDataSize = {compressedBytes}"),
            $"TransformMatrix = {ItkHeader.Text(axes)}",
            $"Offset = {ItkHeader.Text(geometry.Origin)}",
            $"CenterOfRotation = {string.Join(' ', Enumerable.Repeat(0, n))}",
            $"ElementSpacing = {ItkHeader.Text(geometry.Spacing)}",
            $"DimSize = {string.Join(' ', shape)}",
            $"ElementType = {Types.First(known => known.Value == type).Key}",
            $"ElementDataFile = {dataFile}",
            "",
        ];
        return Encoding.ASCII.GetBytes(string.Join('\n', lines));
    }

    private static ItkGeometry Geometry(Func<string[], string?> optional, int dimensions, string file)
    {
        var plain = ItkGeometry.Plain(dimensions);
        double[] Numbers(int count, double[] otherwise, params string[] names)
        {
            if (optional(names) is not { } text)
                return otherwise;
            var numbers = ItkHeader.Numbers(text);
            return numbers.Length == count && numbers.All(double.IsFinite)
                ? numbers
                : throw new UserException($"{file}: is corrupt: {names[0]} should have {count} numbers, not {text}");
        }

        var axes = Numbers(dimensions * dimensions, [.. plain.Direction.Cast<double>()], "TransformMatrix", "Rotation", "Orientation");
        for (var i = 0; i < axes.Length; i++)
            plain.Direction[i % dimensions, i / dimensions] = axes[i];
        return plain with
        {
            Spacing = Numbers(dimensions, plain.Spacing, "ElementSpacing", "ElementSize"),
            Origin = Numbers(dimensions, plain.Origin, "Offset", "Position", "Origin"),
        };
    }
}
