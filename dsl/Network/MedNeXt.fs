namespace MedSegDsl

/// A stage of MedNeXt: a block that halves or doubles the resolution (its depthwise convolution has stride 2, or is
/// transposed), and `Depth` layers.
[<RequireQualifiedAccess>]
type MedNeXtStage = {
    /// The block that changes the resolution.
    Resampling: MedNeXtBlock
    Depth: int
    Mixer: Mixer
}

/// MedNeXt: a U-shape whose layers at full resolution follow a 1×1×1 convolution, whose channels double where the resolution
/// halves, and whose skips are added.
[<RequireQualifiedAccess>]
type MedNeXt = {
    /// Channels at full resolution.
    Channels: int
    /// Layers of the encoder at full resolution.
    Depth: int
    /// What they are.
    Mixer: Mixer
    /// From half the resolution to the lowest.
    Encoder: MedNeXtStage list
    /// From the lowest resolution but one upwards to the full one; as many as in the encoder.
    Decoder: MedNeXtStage list
}

/// Changes of the parts of a MedNeXt.
module internal MedNeXtParts =
    let mapStages (change: MedNeXtStage -> MedNeXtStage) (shape: MedNeXt) = {
        shape with
            MedNeXt.Encoder = List.map change shape.Encoder
            MedNeXt.Decoder = List.map change shape.Decoder
    }

    let mapMixers (change: Mixer -> Mixer) (shape: MedNeXt) =
        {
            shape with
                MedNeXt.Mixer = change shape.Mixer
        }
        |> mapStages (fun stage -> {
            stage with
                MedNeXtStage.Mixer = change stage.Mixer
        })

    let mapChannels (change: int -> int) (shape: MedNeXt) = {
        shape with
            MedNeXt.Channels = change shape.Channels
    }

    let withDepth depth (shape: MedNeXt) =
        { shape with MedNeXt.Depth = depth }
        |> mapStages (fun stage -> {
            stage with
                MedNeXtStage.Depth = depth
        })

    /// Stages below full resolution are counted.
    let withStages count (shape: MedNeXt) =
        let encoder = List.truncate count shape.Encoder

        {
            shape with
                MedNeXt.Encoder = encoder
                MedNeXt.Decoder =
                    List.skip (shape.Decoder.Length - min shape.Decoder.Length encoder.Length) shape.Decoder
        }
