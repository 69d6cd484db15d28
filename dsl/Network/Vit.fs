namespace MedSegDsl

/// x + attention between all tokens of LN(x), then x + FFN(LN(x)) (Vision Transformer, Dosovitskiy et al. 2021).
type VitMixer = {
    /// Attention heads; must divide the stage's channels.
    Heads: int
    /// Hidden channels of the feed-forward network over C.
    FeedForwardRatio: int
    /// Whether the linear layer to queries, keys and values has a bias.
    QkvBias: bool
    /// The share of numbers that training leaves out, in attention and behind linear layers.
    Dropout: float
    /// Whether the layer has the weights of a cross-attention that is never asked for, as MONAI's layers and with them
    /// UNETR's checkpoints have.
    UnusedCrossAttention: bool
}
