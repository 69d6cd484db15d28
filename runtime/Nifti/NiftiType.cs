namespace MedSegDsl.Runtime.Nifti;

/// <summary>The scalar types of NIfTI, by their code in the header.</summary>
public enum NiftiType : short
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

/// <summary>Facts about <see cref="NiftiType"/>.</summary>
public static class NiftiTypes
{
    /// <summary>Bytes of one value.</summary>
    public static int Bytes(this NiftiType type) => type switch
    {
        NiftiType.UInt8 or NiftiType.Int8 => 1,
        NiftiType.Int16 or NiftiType.UInt16 => 2,
        NiftiType.Int32 or NiftiType.UInt32 or NiftiType.Float32 => 4,
        _ => 8,
    };

    /// <summary>The name in numpy's words: uint8, float32.</summary>
    public static string NumpyName(this NiftiType type) => type.ToString().ToLowerInvariant();

    /// <summary>What an unsupported code stands for.</summary>
    public static string Describe(short code) => code switch
    {
        128 or 2304 => "colours (RGB): split them into one file for each channel",
        32 or 1792 or 2048 => "complex numbers: write their magnitude or phase",
        1536 => "128-bit floats: write them as float32",
        1 => "single bits: write them as uint8",
        _ => $"values of the unknown type {code}",
    };
}
