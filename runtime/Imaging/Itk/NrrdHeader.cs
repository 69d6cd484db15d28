using System.Globalization;
using System.Text;

namespace MedSegDsl.Runtime.Imaging.Itk;

/// <summary>The header of a NRRD file (teem.sourceforge.net/nrrd/format.html), understood as ITK's
/// NrrdImageIO understands it.</summary>
internal static class NrrdHeader
{
    private static readonly (VoxelType Type, string[] Names)[] Types =
    [
        (VoxelType.Int8, ["signed char", "int8", "int8_t"]),
        (VoxelType.UInt8, ["unsigned char", "uchar", "uint8", "uint8_t"]),
        (VoxelType.Int16, ["short", "short int", "signed short", "signed short int", "int16", "int16_t"]),
        (VoxelType.UInt16, ["unsigned short", "ushort", "unsigned short int", "uint16", "uint16_t"]),
        (VoxelType.Int32, ["int", "signed int", "int32", "int32_t"]),
        (VoxelType.UInt32, ["unsigned int", "uint", "uint32", "uint32_t"]),
        (VoxelType.Int64, ["long long", "longlong", "long long int", "signed long long", "signed long long int", "int64", "int64_t"]),
        (VoxelType.UInt64, ["unsigned long long", "ulonglong", "unsigned long long int", "uint64", "uint64_t"]),
        (VoxelType.Float32, ["float"]),
        (VoxelType.Float64, ["double"]),
    ];

    /// <summary>Reads the header; the stream is left at the values.</summary>
    /// <exception cref="UserException">It is no NRRD header of a scalar image.</exception>
    public static ItkHeader Read(Stream stream, string file)
    {
        var lines = ItkHeader.Lines(stream, file, "NRRD", line => line.Length == 0);
        if (!lines[0].StartsWith("NRRD000", StringComparison.Ordinal))
            throw new UserException($"{file}: is no NRRD file: it does not start with NRRD");
        Dictionary<string, string> fields = new(StringComparer.OrdinalIgnoreCase);
        foreach (var line in lines.Skip(1).Where(line => !line.StartsWith('#') && !line.Contains(":=")))
            if (line.Split(": ", 2) is [var name, var value])
                fields[name.Trim()] = value.Trim();
        string Field(string name) => fields.GetValueOrDefault(name) ?? throw new UserException($"{file}: is corrupt: its header has no \"{name}\"");
        if (int.TryParse(Field("dimension"), out var dimension) && dimension is not (2 or 3))
            throw new UserException($"{file}: has {dimension} dimensions; write each volume to a file of its own (one for each channel)");
        if (fields.GetValueOrDefault("kinds") is { } kinds && !kinds.Split(' ', StringSplitOptions.RemoveEmptyEntries).All(kind => kind is "domain" or "space" or "???" or "none"))
            throw new UserException($"{file}: its axes are {kinds}; write each channel to a file of its own");
        var shape = ItkHeader.CheckShape([.. ItkHeader.Numbers(Field("sizes")).Select(size => double.IsNaN(size) ? 0 : (int)Math.Min(size, int.MaxValue))], file);
        var type = Types.FirstOrDefault(known => known.Names.Contains(Field("type")));
        if (type.Names is null)
            throw new UserException($"{file}: holds values of the type \"{Field("type")}\", which is not known");
        if (type.Type.Bytes() > 1 && Field("endian") is not ("little" or "big"))
            throw new UserException($"{file}: is corrupt: its endian is \"{Field("endian")}\"");
        if (fields.TryGetValue("line skip", out var skip) && skip != "0" || fields.TryGetValue("byte skip", out skip) && skip != "0")
            throw new UserException($"{file}: skips bytes before its values, which is not supported; write it again without");
        return new(
            shape,
            type.Type,
            fields.GetValueOrDefault("endian") == "big",
            Field("encoding").ToLowerInvariant() switch
            {
                "raw" => ItkEncoding.Raw,
                "gzip" or "gz" => ItkEncoding.Gzip,
                var other => throw new UserException($"{file}: its encoding is {other}; raw and gzip can be read"),
            },
            Geometry(fields, shape.Length, file),
            fields.GetValueOrDefault("data file") ?? fields.GetValueOrDefault("datafile"),
            0);
    }

    /// <summary>The header that ITK would write: gzip, left-posterior-superior.</summary>
    public static byte[] Write(int[] shape, VoxelType type, ItkGeometry geometry)
    {
        StringBuilder text = new("NRRD0004\n");
        text.Append(CultureInfo.InvariantCulture, $"type: {Types.First(known => known.Type == type).Names[0]}\n");
        text.Append(CultureInfo.InvariantCulture, $"dimension: {geometry.Dimensions}\n");
        text.Append(geometry.Dimensions == 3 ? "space: left-posterior-superior\n" : "space dimension: 2\n");
        text.Append(CultureInfo.InvariantCulture, $"sizes: {string.Join(' ', shape)}\n");
        var directions = Enumerable.Range(0, geometry.Dimensions).Select(axis => Vector(
            Enumerable.Range(0, geometry.Dimensions).Select(row => geometry.Direction[row, axis] * geometry.Spacing[axis])));
        text.Append(CultureInfo.InvariantCulture, $"space directions: {string.Join(' ', directions)}\n");
        text.Append(CultureInfo.InvariantCulture, $"kinds: {string.Join(' ', Enumerable.Repeat("domain", geometry.Dimensions))}\n");
        if (type.Bytes() > 1)
            text.Append("endian: little\n");
        text.Append(CultureInfo.InvariantCulture, $"encoding: gzip\nspace origin: {Vector(geometry.Origin)}\n\n");
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    private static string Vector(IEnumerable<double> values) => $"({ItkHeader.Text(values, ",")})";

    private static ItkGeometry Geometry(Dictionary<string, string> fields, int dimensions, string file)
    {
        var plain = ItkGeometry.Plain(dimensions);
        if (!fields.TryGetValue("space directions", out var directions))
            return fields.TryGetValue("spacings", out var spacings)
                ? plain with { Spacing = [.. Exactly(ItkHeader.Numbers(spacings), dimensions, "spacings", file).Select(mm => double.IsNaN(mm) ? 1 : mm)] }
                : plain;
        var vectors = Exactly(ItkHeader.Numbers(directions), dimensions * dimensions, "space directions", file);
        double[] sign = fields.GetValueOrDefault("space")?.ToLowerInvariant() switch
        {
            "right-anterior-superior" or "ras" => [-1, -1, 1],
            "left-anterior-superior" or "las" => [1, -1, 1],
            _ => [1, 1, 1],
        };
        for (var axis = 0; axis < dimensions; axis++)
        {
            var vector = vectors.AsSpan(axis * dimensions, dimensions);
            var length = Math.Sqrt(System.Numerics.Tensors.TensorPrimitives.SumOfSquares<double>(vector));
            if (!(length > 0 && double.IsFinite(length)))
                throw new UserException($"{file}: is corrupt: its space directions are {directions}");
            plain.Spacing[axis] = length;
            for (var row = 0; row < dimensions; row++)
                plain.Direction[row, axis] = sign[row] * vector[row] / length;
        }

        if (fields.TryGetValue("space origin", out var origin))
            Exactly(ItkHeader.Numbers(origin), dimensions, "space origin", file).Select((mm, row) => sign[row] * mm).ToArray().CopyTo(plain.Origin, 0);
        return plain;
    }

    private static double[] Exactly(double[] numbers, int count, string name, string file) => numbers.Length == count
        ? numbers
        : throw new UserException($"{file}: is corrupt: its \"{name}\" should have {count} numbers");
}
