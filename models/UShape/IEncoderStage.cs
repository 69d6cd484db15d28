using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A stage on the way down, volume (B, C, D, H, W) → (B, C', D/s, H/s, W/s). Its modules are children of the encoder,
/// under the names of the public code.
/// </summary>
public interface IEncoderStage
{
    /// <summary>Embeds a volume and mixes its tokens.</summary>
    Tensor Apply(Tensor volume);
}
