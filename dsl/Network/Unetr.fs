namespace MedSegDsl

/// UNETR's way down: cubes of the patch become tokens, and a column of layers works on them at that one resolution.
type TokenColumn = {
    /// Voxels of a token along each axis: 2 to the power of the taps and one more.
    TokenSize: int
    Channels: int
    Depth: int
    Mixer: Mixer
    /// The layers, from 1, whose results the decoder sees, for the highest resolution first.
    Taps: int list
    PositionEmbedding: PositionEmbedding
    /// The share of the tokens' numbers that training leaves out before the first layer.
    Dropout: float
}

/// A stage of a pyramid: as many layers of one kind. The first stage has the network's channels, each further one twice
/// as many.
type PyramidStage = { Depth: int; Mixer: Mixer }

/// SwinUNETR's way down: cubes of 2×2×2 voxels become tokens; stages of layers, each followed by a merging.
type WindowPyramid = {
    /// From the highest resolution to the lowest.
    Stages: PyramidStage list
    Merging: PatchMerging
    /// Whether a residual convolution block stands in front of each stage (SwinUNETR-V2).
    ResidualBlocks: bool
    /// Whether what the decoder sees is layer-normalised, without scale and shift.
    NormalisedSkips: bool
}

/// The norms in a pyramid of convolutions.
[<RequireQualifiedAccess>]
type PyramidNorm =
    /// Over a voxel's channels, with learned scale and shift; also behind the stem (3D UX-Net).
    | Layer
    /// Over a channel's voxels, without scale and shift (SegMamba).
    | Instance

/// The way down of 3D UX-Net and SegMamba: a strided convolution, stages of layers, between them a norm and a
/// convolution of kernel and stride 2.
type ConvolutionPyramid = {
    /// The kernel of the first convolution, of stride 2.
    StemKernel: int
    /// From the highest resolution to the lowest.
    Stages: PyramidStage list
    Norm: PyramidNorm
    /// Whether a gated spatial convolution stands in front of each stage (SegMamba).
    GatedConvolution: bool
    /// Whether what the decoder sees goes through a pointwise feed-forward network of ratio 2 (SegMamba).
    SkipFeedForward: bool
}

/// The ways down to UNETR's decoder.
[<RequireQualifiedAccess>]
type UnetrEncoder =
    | Column of TokenColumn
    | Windows of WindowPyramid
    | Convolutions of ConvolutionPyramid

/// UNETR and its relatives (Hatamizadeh et al. 2022): what the encoder makes becomes skips through residual convolution
/// blocks, the patch itself that of the full resolution; the decoder doubles the resolution by transposed convolutions,
/// joins the skip along channels, and ends each step in a residual block.
type Unetr = {
    /// Channels at the full resolution.
    Channels: int
    Encoder: UnetrEncoder
}

/// Changes of the parts of a UNETR.
module internal UnetrParts =
    let private mapEncoder
        (column: TokenColumn -> TokenColumn)
        (stage: PyramidStage -> PyramidStage)
        (unetr: Unetr)
        = {
        unetr with
            Encoder =
                match unetr.Encoder with
                | UnetrEncoder.Column value -> UnetrEncoder.Column(column value)
                | UnetrEncoder.Windows value ->
                    UnetrEncoder.Windows {
                        value with
                            Stages = List.map stage value.Stages
                    }
                | UnetrEncoder.Convolutions value ->
                    UnetrEncoder.Convolutions {
                        value with
                            Stages = List.map stage value.Stages
                    }
    }

    let mapMixers (change: Mixer -> Mixer) =
        mapEncoder
            (fun column -> {
                column with
                    Mixer = change column.Mixer
            })
            (fun stage -> {
                stage with
                    Mixer = change stage.Mixer
            })

    let mapChannels (change: int -> int) (unetr: Unetr) =
        {
            unetr with
                Channels = change unetr.Channels
        }
        |> mapEncoder
            (fun column -> {
                column with
                    Channels = change column.Channels
            })
            id

    /// A column's taps keep their places among its layers.
    let withDepth depth =
        mapEncoder
            (fun column -> {
                column with
                    Depth = depth
                    Taps = [ for tap in column.Taps -> (tap * depth + column.Depth - 1) / column.Depth ]
            })
            (fun stage -> { stage with Depth = depth })

    /// The first `count` stages of a pyramid; of a column, the first taps and the cubes that they double up to.
    let withStages count (unetr: Unetr) =
        let encoder =
            match unetr.Encoder with
            | UnetrEncoder.Column value ->
                let taps = List.truncate (count - 1) value.Taps

                UnetrEncoder.Column {
                    value with
                        Taps = taps
                        TokenSize = pown 2 (taps.Length + 1)
                }
            | UnetrEncoder.Windows value ->
                UnetrEncoder.Windows {
                    value with
                        Stages = List.truncate count value.Stages
                }
            | UnetrEncoder.Convolutions value ->
                UnetrEncoder.Convolutions {
                    value with
                        Stages = List.truncate count value.Stages
                }

        { unetr with Encoder = encoder }
