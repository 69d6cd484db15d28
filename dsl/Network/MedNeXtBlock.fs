namespace MedSegDsl

/// MedNeXt's block: depthwise convolution, norm, 1×1×1 convolution C → E·C, activation, 1×1×1 convolution back, the
/// input added. Norm and activation are the network's.
type MedNeXtBlock = {
    /// Kernel of the depthwise convolution; 3 or 5 in the paper.
    Kernel: int
    /// E, the channels in the middle over C.
    Expansion: int
}
