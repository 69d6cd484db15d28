namespace MedSegDsl

/// How deformable attention reads the three numbers of a place.
[<RequireQualifiedAccess>]
type SamplingAxes =
    /// As CoTr's code does, which writes (D, W, H) where its sampling reads (W, H, D): a token looks at its mirror image
    /// among the axes. What published weights need.
    | AsPublished
    /// Each number along its own axis.
    | Aligned

/// CoTr's layer: LN(x + deformable attention(x)), then LN(x + FFN(x)). Each token looks at `Points` places for each head,
/// which its own linear layer chooses; a token knows its place by a sine encoding.
type DeformableMixer = {
    /// Attention heads; must divide the stage's channels.
    Heads: int
    /// Places that a head looks at in each volume.
    Points: int
    /// Hidden channels of the feed-forward network over C.
    FeedForwardRatio: int
    /// Share of numbers dropped in training.
    Dropout: float
    Axes: SamplingAxes
}
