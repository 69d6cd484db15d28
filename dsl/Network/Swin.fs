namespace MedSegDsl

/// Whose public code a Swin layer follows where they differ.
[<RequireQualifiedAccess>]
type SwinCode =
    /// MONAI's SwinUNETR: every offset between two tokens has its own bias; `mlp.linear1` in state dicts.
    | Monai
    /// 282857341/nnFormer: offsets are numbered by the factors 3w − 1, 2w − 1 and 1, so that some share a bias; `mlp.fc1`
    /// in state dicts.
    | NnFormer

/// x + attention inside windows of LN(x), then x + FFN(LN(x)); every second layer of a stage shifts its windows by half
/// their size (Swin Transformer, Liu et al. 2021). The products get a learned bias for each offset between two tokens.
type SwinMixer = {
    /// Attention heads; must divide the stage's channels.
    Heads: int
    /// Tokens of a window along each axis; an axis that is not longer is one window.
    Window: Size3
    /// Hidden channels of the feed-forward network over C.
    FeedForwardRatio: int
    /// Whether the linear layer to queries, keys and values has a bias.
    QkvBias: bool
    /// The share of numbers that training leaves out, in attention and behind linear layers.
    Dropout: float
    DropPath: DropPath
    Code: SwinCode
}

/// How a stage of Swin layers halves the resolution: neighbours side by side, layer norm, a linear layer to twice the
/// channels.
[<RequireQualifiedAccess>]
type PatchMerging =
    /// MONAI's `merging`: each of the eight neighbours once.
    | V1
    /// MONAI's `merging` until release 1.4: two of the neighbours are taken twice and two never; weights from those
    /// releases are used to it.
    | V1WithRepeats
    /// MONAI's `mergingv2`: each neighbour once, in row-major order.
    | V2

[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module PatchMerging =
    /// The neighbours (d, h, w), 0 or 1 along each axis, in the order in which they are joined (MONAI, swin_unetr).
    let offsets =
        function
        | PatchMerging.V1 -> [ 0, 0, 0; 1, 0, 0; 0, 1, 0; 0, 0, 1; 1, 1, 0; 1, 0, 1; 0, 1, 1; 1, 1, 1 ]
        | PatchMerging.V1WithRepeats -> [
            0, 0, 0
            1, 0, 0
            0, 1, 0
            0, 0, 1
            1, 0, 1
            0, 1, 0
            0, 0, 1
            1, 1, 1
          ]
        | PatchMerging.V2 -> [
            for d in 0..1 do
                for h in 0..1 do
                    for w in 0..1 -> d, h, w
          ]
