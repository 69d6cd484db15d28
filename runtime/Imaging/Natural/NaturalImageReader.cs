using System.Runtime.InteropServices;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Imaging.Tiff;

namespace MedSegDsl.Runtime.Imaging.Natural;

/// <summary>nnU-Net's NaturalImage2DIO: 2D pictures, one channel for gray, three or four for colours, spacing
/// 999, 1, 1.</summary>
public sealed class NaturalImageReader : IImageReader
{
    private static readonly double[] Spacing = [999, 1, 1];

    /// <inheritdoc/>
    public string Name => "NaturalImage2DIO";

    /// <inheritdoc/>
    public IReadOnlyList<string> FileEndings { get; } = [".png", ".bmp", ".tif"];

    /// <inheritdoc/>
    public LoadedImage<float> Read(string file) => new(IsTiff(file) ? ReadTiff(file) : PixelFile.Read(file), ImageGeometry.FromSpacing(Spacing));

    /// <inheritdoc/>
    public LoadedImage<short> ReadLabels(string file)
    {
        var (voxels, geometry) = Read(file);
        if (voxels.Channels != 1)
            throw new UserException($"{file}: is no label map: it has {voxels.Channels} channels");
        ImageArray<short> labels = new(1, voxels.Shape);
        LabelValues.Take(file, Array.ConvertAll(voxels.Data, value => (double)value), labels.Data);
        return new(labels, geometry);
    }

    /// <summary>Writes an image in float32, which only .tif holds.</summary>
    /// <exception cref="UserException">The file is another picture.</exception>
    public void Write(string file, ImageArray<float> image, ImageGeometry geometry)
    {
        CheckSlice(image);
        if (!IsTiff(file))
            throw new UserException($"{file}: float32 values do not fit in a picture of 8 bits; write a .tif");
        TiffFile.Write(file, image.Shape, VoxelType.Float32, describe: false, MemoryMarshal.AsBytes<float>(image.Data).ToArray());
    }

    /// <summary>Writes a label map in uint8.</summary>
    /// <exception cref="UserException">A label is above 255.</exception>
    public void WriteLabels(string file, ImageArray<short> labels, ImageGeometry geometry)
    {
        CheckSlice(labels);
        if (!LabelValues.FitByte(labels) && labels.Data.Max() > byte.MaxValue)
            throw new UserException($"{file}: label {labels.Data.Max()} does not fit in a picture of 8 bits");
        var values = Array.ConvertAll(labels.Data, label => (byte)label);
        if (IsTiff(file))
            TiffFile.Write(file, labels.Shape, VoxelType.UInt8, describe: false, values);
        else
            AtomicFile.Write(file, stream => stream.Write(PixelFile.Encode(labels.Shape, values, file.EndsWith(".bmp", StringComparison.OrdinalIgnoreCase))));
    }

    private static ImageArray<float> ReadTiff(string file)
    {
        var layout = TiffFile.ReadLayout(file);
        if (layout.IsStack)
            throw new UserException($"{file}: is a stack of {layout.Pages} pages; NaturalImage2DIO reads single pictures (Tiff3DIO reads stacks)");
        if (layout.Samples is not (1 or 3 or 4))
            throw new UserException($"{file}: has {layout.Samples} values a pixel; 1, 3 (colours) and 4 (with transparency) can be read");
        ImageArray<float> image = new(layout.Samples, [1, layout.Height, layout.Width]);
        TiffFile.Read(file, layout, (row, values) =>
        {
            for (var channel = 0; channel < layout.Samples; channel++)
            {
                var target = image.Channel(channel).Slice(row * layout.Width, layout.Width);
                for (var pixel = 0; pixel < target.Length; pixel++)
                    target[pixel] = (float)values[pixel * layout.Samples + channel];
            }
        });
        return image;
    }

    private static void CheckSlice<T>(ImageArray<T> image) where T : unmanaged
    {
        if (image.Channels != 1 || image.Shape[0] != 1)
            throw new ArgumentException($"{image.Channels} channels of {image.Shape[0]} slices do not fit in a picture");
    }

    private static bool IsTiff(string file) => file.EndsWith(".tif", StringComparison.OrdinalIgnoreCase);
}
