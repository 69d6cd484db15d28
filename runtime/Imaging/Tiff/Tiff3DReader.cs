using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Imaging.Tiff;

/// <summary>nnU-Net's Tiff3DIO: a stack of pages is a volume. Its spacing stands in a JSON file beside it,
/// CASE.json for CASE_0000.tif and for the label map CASE.tif; without one it is 1 mm.</summary>
public sealed class Tiff3DReader : IImageReader
{
    private const int ChannelNumber = 5;

    /// <inheritdoc/>
    public string Name => "Tiff3DIO";

    /// <inheritdoc/>
    public IReadOnlyList<string> FileEndings { get; } = [".tif", ".tiff"];

    /// <inheritdoc/>
    public LoadedImage<float> Read(string file)
    {
        var layout = Stack(file);
        ImageArray<float> image = new(1, [layout.Pages, layout.Height, layout.Width]);
        TiffFile.Read(file, layout, (row, values) => System.Numerics.Tensors.TensorPrimitives.ConvertTruncating(
            values, image.Data.AsSpan(row * layout.Width, layout.Width)));
        var stem = Stem(file);
        return new(image, Spacing(stem.Length > ChannelNumber ? stem[..^ChannelNumber] : stem));
    }

    /// <inheritdoc/>
    public LoadedImage<short> ReadLabels(string file)
    {
        var layout = Stack(file);
        ImageArray<short> labels = new(1, [layout.Pages, layout.Height, layout.Width]);
        TiffFile.Read(file, layout, (row, values) => LabelValues.Take(file, values, labels.Data.AsSpan(row * layout.Width, layout.Width)));
        return new(labels, Spacing(Stem(file)));
    }

    /// <inheritdoc/>
    public void Write(string file, ImageArray<float> image, ImageGeometry geometry)
    {
        if (image.Channels != 1)
            throw new ArgumentException($"{image.Channels} channels do not fit in one volume");
        var stem = Stem(file);
        Save(file, image.Shape, VoxelType.Float32, MemoryMarshal.AsBytes<float>(image.Data).ToArray(), stem.Length > ChannelNumber ? stem[..^ChannelNumber] : stem, geometry);
    }

    /// <summary>Writes the label map and its spacing beside it.</summary>
    public void WriteLabels(string file, ImageArray<short> labels, ImageGeometry geometry)
    {
        var bytes = LabelValues.FitByte(labels);
        Save(
            file,
            labels.Shape,
            bytes ? VoxelType.UInt8 : VoxelType.UInt16,
            bytes ? Array.ConvertAll(labels.Data, label => (byte)label) : MemoryMarshal.AsBytes<short>(labels.Data).ToArray(),
            Stem(file),
            geometry);
    }

    private static void Save(string file, int[] shape, VoxelType type, byte[] values, string stem, ImageGeometry geometry)
    {
        PythonJson.Write(stem + ".json", new JsonObject { ["spacing"] = PythonJson.List(geometry.Spacing) });
        TiffFile.Write(file, shape, type, describe: true, values);
    }

    private static TiffLayout Stack(string file)
    {
        var layout = TiffFile.ReadLayout(file);
        if (!layout.IsStack)
            throw new UserException($"{file}: is a single page; Tiff3DIO reads stacks of pages (NaturalImage2DIO reads .tif pictures)");
        return layout.Samples == 1
            ? layout
            : throw new UserException($"{file}: has {layout.Samples} values a pixel; write each channel to a stack of its own");
    }

    private static ImageGeometry Spacing(string stem)
    {
        var file = stem + ".json";
        if (!File.Exists(file))
            return ImageGeometry.FromSpacing([1, 1, 1]);
        var spacing = JsonFields.Read(file).Numbers("spacing");
        return spacing.Length == 3 && spacing.All(mm => mm > 0 && double.IsFinite(mm))
            ? ImageGeometry.FromSpacing(spacing)
            : throw new UserException($"{file}: \"spacing\" should be three distances in mm, along z, y, x");
    }

    private static string Stem(string file) => file[..^Path.GetExtension(file).Length];
}
