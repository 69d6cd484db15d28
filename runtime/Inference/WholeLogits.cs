namespace MedSegDsl.Runtime.Inference;

/// <summary>Keeps the logits of the whole image.</summary>
/// <param name="image">Voxels of the image along z, y, x.</param>
internal sealed class WholeLogits(int[] image) : ILogitsSink
{
    private Logits? result;

    /// <summary>The logits; complete when all slices were taken.</summary>
    public Logits Result => result!;

    /// <inheritdoc />
    public void Take(int first, Logits slices)
    {
        result ??= new Logits(slices.Classes, image);
        for (var channel = 0; channel < slices.Classes; channel++)
            slices.Channels[channel].CopyTo(result.Channels[channel], first * image[1] * image[2]);
    }

    /// <inheritdoc />
    public void Finish() { }
}
