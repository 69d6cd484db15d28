namespace MedSegDsl.Runtime.Imaging;

/// <summary>Voxels of one or more channels in C order: channel, z, y, x, the last fastest.</summary>
/// <typeparam name="T">float for images, short for label maps.</typeparam>
public sealed class ImageArray<T> where T : unmanaged
{
    /// <summary>Wraps an array of <paramref name="channels"/> · z · y · x values.</summary>
    /// <param name="data">The values; not copied.</param>
    /// <param name="channels">Number of channels.</param>
    /// <param name="shape">Voxels along z, y, x.</param>
    public ImageArray(T[] data, int channels, int[] shape)
    {
        if (shape.Length != 3 || data.LongLength != channels * Volume(shape))
            throw new ArgumentException($"{data.LongLength} values do not fill {channels} × {string.Join(" × ", shape)}");
        Data = data;
        Channels = channels;
        Shape = shape;
    }

    /// <summary>An array of zeros.</summary>
    public ImageArray(int channels, int[] shape) : this(new T[channels * Volume(shape)], channels, shape) { }

    /// <summary>The values: channel, z, y, x.</summary>
    public T[] Data { get; }

    /// <summary>Number of channels.</summary>
    public int Channels { get; }

    /// <summary>Voxels along z, y, x.</summary>
    public int[] Shape { get; }

    /// <summary>Voxels of one channel.</summary>
    public int VoxelCount => (int)Volume(Shape);

    /// <summary>One channel, z, y, x.</summary>
    public Span<T> Channel(int channel) => Data.AsSpan(channel * VoxelCount, VoxelCount);

    private static long Volume(int[] shape) => (long)shape[0] * shape[1] * shape[2];
}
