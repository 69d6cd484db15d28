namespace MedSegDsl

/// What the products of queries and keys are divided by before the softmax.
[<RequireQualifiedAccess>]
type AttentionScale =
    /// √(C / heads), as attention is defined.
    | HeadChannels
    /// √heads, as the published SegFormer3D has it.
    | Heads

/// SegFormer's layer: x + SRA(LN(x)), then x + Mix-FFN(LN(x)), where the Mix-FFN has a depthwise convolution and the
/// network's norm between its two linear layers, and with them knows where a token lies.
type MixTransformerMixer = {
    /// Attention heads; must divide the stage's channels.
    Heads: int
    /// Kernel and stride of the convolution that shrinks keys and values; 1 is full attention.
    Reduction: int
    /// Hidden channels of the feed-forward network over C.
    FeedForwardRatio: int
    /// Kernel of the depthwise convolution; 3 in the paper.
    Kernel: int
    Scale: AttentionScale
}
