namespace MedSegDsl

/// A stage of CoTr's encoder: `Depth` residual layers of one 3×3×3 convolution each, the first of them strided.
[<RequireQualifiedAccess>]
type CoTrStage = {
    Channels: int
    Stride: Size3
    Depth: int
}

/// CoTr: a convolutional encoder, a deformable Transformer over the volumes of its lowest stages together, and a decoder
/// of transposed convolutions, skips that are added, and residual blocks, up to the stem's resolution.
[<RequireQualifiedAccess>]
type CoTr = {
    Stem: Stem
    /// From the highest resolution to the lowest.
    Encoder: CoTrStage list
    /// How many of the lowest stages the Transformer sees; they have the same channels.
    Levels: int
    /// Layers of the Transformer.
    Layers: int
    Attention: DeformableMixer
    /// Whether the weights of the encoder's and the decoder's convolutions are standardised in every pass; a choice of the
    /// published code that its trainers leave off.
    WeightStandardisation: bool
}

/// Changes of the parts of a CoTr.
module internal CoTrParts =
    let mapStages (change: CoTrStage -> CoTrStage) (shape: CoTr) = {
        shape with
            CoTr.Encoder = List.map change shape.Encoder
    }

    let mapChannels (change: int -> int) (shape: CoTr) =
        {
            shape with
                CoTr.Stem.Channels = change shape.Stem.Channels
        }
        |> mapStages (fun stage -> {
            stage with
                CoTrStage.Channels = change stage.Channels
        })

    let withDepth depth (shape: CoTr) =
        { shape with CoTr.Layers = depth }
        |> mapStages (fun stage -> { stage with CoTrStage.Depth = depth })

    /// The Transformer sees fewer levels where fewer of the lowest stages have the same channels.
    let withStages count (shape: CoTr) =
        let encoder = List.truncate count shape.Encoder
        let channels = [ for stage in List.rev encoder -> stage.Channels ]
        let same = channels |> List.takeWhile (fun c -> c = List.head channels)

        {
            shape with
                CoTr.Encoder = encoder
                CoTr.Levels = min shape.Levels same.Length
        }
