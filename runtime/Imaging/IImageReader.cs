namespace MedSegDsl.Runtime.Imaging;

/// <summary>Reads and writes the files of a format as one of nnU-Net's reader classes does.</summary>
public interface IImageReader
{
    /// <summary>nnU-Net's class name, which plans and dataset.json use: NibabelIO.</summary>
    string Name { get; }

    /// <summary>The endings it is meant for, with their dot, in lower case.</summary>
    IReadOnlyList<string> FileEndings { get; }

    /// <summary>Reads one file; a colour picture gives several channels.</summary>
    /// <exception cref="UserException">The file is missing, corrupt or of a kind that cannot be read; the
    /// line names it.</exception>
    LoadedImage<float> Read(string file);

    /// <summary>Reads a label map.</summary>
    /// <exception cref="UserException">As <see cref="Read"/>; also where a value is no whole number in the
    /// range of int16.</exception>
    LoadedImage<short> ReadLabels(string file);

    /// <summary>Writes an image of one channel in float32.</summary>
    /// <param name="file">The file; replaced if it exists, never half written.</param>
    /// <param name="image">One channel.</param>
    /// <param name="geometry">As this reader gave it for an image of the same shape.</param>
    void Write(string file, ImageArray<float> image, ImageGeometry geometry);

    /// <summary>Writes a label map in uint8 where all labels are below 255, else in uint16.</summary>
    /// <param name="file">The file; replaced if it exists, never half written.</param>
    /// <param name="labels">One channel, no label negative.</param>
    /// <param name="geometry">As this reader gave it for an image of the same shape.</param>
    void WriteLabels(string file, ImageArray<short> labels, ImageGeometry geometry);
}

/// <summary>What a file holds.</summary>
/// <param name="Voxels">Channels of (z, y, x).</param>
/// <param name="Geometry">Spacing and position.</param>
/// <typeparam name="T">float for images, short for label maps.</typeparam>
public sealed record LoadedImage<T>(ImageArray<T> Voxels, ImageGeometry Geometry) where T : unmanaged;
