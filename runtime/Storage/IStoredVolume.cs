using System.Numerics;

namespace MedSegDsl.Runtime.Storage;

/// <summary>One array of a stored case: channel, z, y, x. Safe for many readers.</summary>
internal interface IStoredVolume : IDisposable
{
    /// <summary>numpy's name of the stored type.</summary>
    string Type { get; }

    /// <summary>Channels and voxels along z, y, x.</summary>
    long[] Shape { get; }

    /// <summary>Copies a box of one channel, converted where the types differ.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="corner">Lower corner z, y, x; may be negative or beyond the volume.</param>
    /// <param name="size">Voxels along z, y, x.</param>
    /// <param name="target">size values.</param>
    /// <param name="outside">The value outside the volume.</param>
    void ReadPatch<T>(int channel, ReadOnlySpan<int> corner, ReadOnlySpan<int> size, Span<T> target, T outside)
        where T : unmanaged, INumberBase<T>;
}
