namespace MedSegDsl

/// x + γ · f(x), where f is a depthwise convolution, layer norm, every channel widened on its own,
/// GELU, and narrowed back (3D UX-Net, Lee et al. 2023).
type UxMixer = {
    /// The depthwise convolution's kernel; 7 in the paper.
    Kernel: int
    /// The channels that each channel becomes between the two pointwise convolutions; 4 in the paper.
    Expansion: int
    /// What γ, one number for each channel, starts at.
    LayerScale: float
    DropPath: DropPath
}
