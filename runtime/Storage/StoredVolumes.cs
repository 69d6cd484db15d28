using MedSegDsl.Runtime.Storage.Blosc2;

namespace MedSegDsl.Runtime.Storage;

/// <summary>Opens one array of a stored case, in any of the forms that this program and nnU-Net write.</summary>
internal static class StoredVolumes
{
    /// <summary>Maps an array.</summary>
    /// <param name="plain">The .npy file, which counts where it is there.</param>
    /// <param name="packed">The .b2nd file.</param>
    /// <param name="archive">The .npz file; what lies compressed in it is written to <paramref name="plain"/> first, as
    /// nnU-Net does too.</param>
    /// <param name="array">The array's name in the archive.</param>
    /// <exception cref="UserException">No file is there, one is damaged, or it cannot be unpacked.</exception>
    public static IStoredVolume Open(string plain, string packed, string archive, string array)
    {
        if (File.Exists(plain))
            return new MappedNpy(plain);
        if (File.Exists(packed))
            return new Blosc2Volume(packed);
        if (NpzFile.Map(archive, array) is { } mapped)
            return mapped;
        NpzFile.Unpack(archive, array, plain);
        return new MappedNpy(plain);
    }
}
