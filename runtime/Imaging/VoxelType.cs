namespace MedSegDsl.Runtime.Imaging;

/// <summary>The scalar types that files hold, by their code in a NIfTI header.</summary>
public enum VoxelType : short
{
    /// <summary>8 bits, 0 to 255.</summary>
    UInt8 = 2,

    /// <summary>16 bits, signed.</summary>
    Int16 = 4,

    /// <summary>32 bits, signed.</summary>
    Int32 = 8,

    /// <summary>Single precision.</summary>
    Float32 = 16,

    /// <summary>Double precision.</summary>
    Float64 = 64,

    /// <summary>8 bits, signed.</summary>
    Int8 = 256,

    /// <summary>16 bits, unsigned.</summary>
    UInt16 = 512,

    /// <summary>32 bits, unsigned.</summary>
    UInt32 = 768,

    /// <summary>64 bits, signed.</summary>
    Int64 = 1024,

    /// <summary>64 bits, unsigned.</summary>
    UInt64 = 1280,
}

/// <summary>Facts about <see cref="VoxelType"/>.</summary>
public static class VoxelTypes
{
    /// <summary>Bytes of one value.</summary>
    public static int Bytes(this VoxelType type) => type switch
    {
        VoxelType.UInt8 or VoxelType.Int8 => 1,
        VoxelType.Int16 or VoxelType.UInt16 => 2,
        VoxelType.Int32 or VoxelType.UInt32 or VoxelType.Float32 => 4,
        _ => 8,
    };

    /// <summary>The name in numpy's words: uint8, float32.</summary>
    public static string NumpyName(this VoxelType type) => type.ToString().ToLowerInvariant();
}
