namespace MedSegDsl

/// A stage of SegFormer: an overlapping patch embedding (strided convolution, layer norm), `Depth` layers, a layer norm.
[<RequireQualifiedAccess>]
type SegFormerStage = {
    Channels: int
    /// Kernel of the embedding; wider than the stride, so that patches overlap.
    Kernel: int
    Stride: Size3
    Depth: int
    Mixer: Mixer
}

/// SegFormer: an encoder of Transformer stages, and a decoder that brings every stage's volume to the same channels by a
/// linear layer and to the first stage's size by interpolation, and fuses them by one 1×1×1 convolution block. One class
/// map, interpolated to the input's size.
[<RequireQualifiedAccess>]
type SegFormer = {
    /// From the highest resolution to the lowest.
    Stages: SegFormerStage list
    /// Channels to which the decoder brings every stage.
    DecoderChannels: int
    /// Share of channels' numbers dropped in front of the classifier in training; 0 as published.
    Dropout: float
}

/// Changes of the parts of a SegFormer.
module internal SegFormerParts =
    let mapStages (change: SegFormerStage -> SegFormerStage) (shape: SegFormer) = {
        shape with
            SegFormer.Stages = List.map change shape.Stages
    }

    let mapMixers (change: Mixer -> Mixer) =
        mapStages (fun stage -> {
            stage with
                SegFormerStage.Mixer = change stage.Mixer
        })

    let mapChannels (change: int -> int) (shape: SegFormer) =
        {
            shape with
                SegFormer.DecoderChannels = change shape.DecoderChannels
        }
        |> mapStages (fun stage -> {
            stage with
                SegFormerStage.Channels = change stage.Channels
        })

    let withDepth depth =
        mapStages (fun stage -> {
            stage with
                SegFormerStage.Depth = depth
        })

    let withStages count (shape: SegFormer) = {
        shape with
            SegFormer.Stages = List.truncate count shape.Stages
    }
