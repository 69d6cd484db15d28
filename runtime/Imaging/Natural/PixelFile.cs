using System.Buffers.Binary;
using SkiaSharp;

namespace MedSegDsl.Runtime.Imaging.Natural;

/// <summary>PNG and BMP pictures of 8 bits a channel, through Skia, with the channels that scikit-image's
/// imread gives them.</summary>
internal static class PixelFile
{
    private const int HeaderBytes = 30;

    /// <summary>Reads a picture: channels of rows of pixels.</summary>
    /// <exception cref="UserException">The file is missing, truncated or corrupt, or not of 8 bits a
    /// channel.</exception>
    public static ImageArray<float> Read(string file) => FileErrors.Guard(file, () =>
    {
        var stored = File.ReadAllBytes(file);
        using var data = SKData.CreateCopy(stored);
        using var codec = SKCodec.Create(data) ?? throw new UserException($"{file}: is no PNG or BMP picture, or is corrupt");
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        if ((long)width * height * 4 > Array.MaxLength)
            throw new UserException($"{file}: claims {height} × {width} pixels, more than can be read at once");

        // No colour space on either side: the numbers of the file, not what a screen would show.
        var result = codec.GetPixels(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul), out var pixels);
        if (result != SKCodecResult.Success)
            throw new UserException($"{file}: is truncated or corrupt ({result})");
        ImageArray<float> image = new(Channels(stored, codec, pixels, file), [1, height, width]);
        for (var channel = 0; channel < image.Channels; channel++)
        {
            var target = image.Channel(channel);
            for (var pixel = 0; pixel < target.Length; pixel++)
                target[pixel] = pixels[4 * pixel + channel];
        }

        return image;
    });

    /// <summary>A picture of one byte a pixel.</summary>
    /// <param name="shape">One slice, rows, pixels.</param>
    /// <param name="values">One byte a pixel.</param>
    /// <param name="bmp">BMP instead of PNG.</param>
    public static byte[] Encode(int[] shape, byte[] values, bool bmp)
    {
        if (bmp)
            return Bmp(shape[2], shape[1], values);
        using var image = SKImage.FromPixelCopy(new SKImageInfo(shape[2], shape[1], SKColorType.Gray8, SKAlphaType.Opaque), values);
        using var encoded = image.Encode(SKEncodedImageFormat.Png, 100);
        return encoded.ToArray();
    }

    private static int Channels(byte[] stored, SKCodec codec, byte[] pixels, string file)
    {
        if (stored.Length < HeaderBytes)
            throw new UserException($"{file}: is truncated");
        if (codec.EncodedFormat == SKEncodedImageFormat.Bmp)
            return BinaryPrimitives.ReadInt16LittleEndian(stored.AsSpan(28)) <= 8 && IsGray(pixels) ? 1 : 3;
        if (codec.EncodedFormat != SKEncodedImageFormat.Png)
            throw new UserException($"{file}: holds a {codec.EncodedFormat} picture; PNG and BMP lose nothing");
        var (bits, colour) = (stored[24], stored[25]);
        return (bits, colour) switch
        {
            (16, _) => throw new UserException($"{file}: has 16 bits a channel; write it as .tif, which is read in full"),
            (8, 0) => 1,
            (8, 2) => 3,
            (8, 6) => 4,
            ( <= 8, 3) => codec.Info.AlphaType == SKAlphaType.Opaque ? 3 : 4,
            (8, 4) => throw new UserException($"{file}: is gray with transparency; write it without the transparency"),
            _ => throw new UserException($"{file}: has {bits} bits a pixel; write it with 8"),
        };
    }

    private static bool IsGray(byte[] pixels)
    {
        for (var i = 0; i < pixels.Length; i += 4)
            if (pixels[i] != pixels[i + 1] || pixels[i] != pixels[i + 2])
                return false;
        return true;
    }

    // Skia does not write BMP: 8 bits with a palette of grays, rows from the bottom up, each a multiple of four bytes.
    private static byte[] Bmp(int width, int height, byte[] values)
    {
        const int offset = 14 + 40 + 256 * 4;
        var stride = (width + 3) / 4 * 4;
        var file = new byte[offset + stride * height];
        void Number(int at, int value) => BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(at), value);
        "BM"u8.CopyTo(file);
        Number(2, file.Length);
        Number(10, offset);
        Number(14, 40);
        Number(18, width);
        Number(22, height);
        Number(26, 8 << 16 | 1);
        for (var gray = 0; gray < 256; gray++)
            Number(54 + 4 * gray, gray * 0x010101);
        for (var row = 0; row < height; row++)
            values.AsSpan(row * width, width).CopyTo(file.AsSpan(offset + (height - 1 - row) * stride));
        return file;
    }
}
