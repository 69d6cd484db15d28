/// What a UNETR must keep to, and its patches.
[<RequireQualifiedAccess>]
module internal MedSegDsl.UnetrRules

let private stage channels index (stage: PyramidStage) = validation {
    let! () = Rules.atLeast 1 stage.Depth |> Validation.field "depth"

    and! () =
        MixerRules.mixer (channels * pown 2 index) stage.Mixer
        |> Validation.field "mixer"

    return ()
}

let private stages channels (stages: PyramidStage list) = validation {
    let! () =
        Validation.check (stages.Length >= 1) (Rules.stages stages.Length) "1 stage or more"

    and! _ = Validation.items (stage channels) stages
    return ()
}

/// Each tap is one of the layers, and none comes before the one in front of it.
let private taps (column: TokenColumn) =
    let rule index tap =
        let first = if index = 0 then 1 else column.Taps[index - 1]

        Validation.check
            (tap >= first && tap <= column.Depth)
            tap
            $"a layer from {first} to {column.Depth}, the column's depth"

    Validation.items rule column.Taps |> Result.map ignore

let private column (column: TokenColumn) = validation {
    let! () =
        let right = pown 2 (column.Taps.Length + 1)

        Validation.check
            (column.TokenSize = right)
            column.TokenSize
            $"{right}, since the decoder doubles the resolution once for each tap and once more"
        |> Validation.field "tokenSize"

    and! () = Rules.atLeast 1 column.Channels |> Validation.field "channels"
    and! () = Rules.atLeast 1 column.Depth |> Validation.field "depth"
    and! () = MixerRules.mixer column.Channels column.Mixer |> Validation.field "mixer"
    and! () = taps column |> Validation.field "taps"
    and! () = Rules.below 0.0 1.0 column.Dropout |> Validation.field "dropout"
    return ()
}

let private encoder channels =
    function
    | UnetrEncoder.Column value -> column value
    | UnetrEncoder.Windows value -> stages channels value.Stages |> Validation.field "stages"
    | UnetrEncoder.Convolutions value -> validation {
        let! () = Rules.oddKernel value.StemKernel |> Validation.field "stemKernel"
        and! () = stages channels value.Stages |> Validation.field "stages"
        return ()
      }

/// All errors of the definition.
let unetr (unetr: Unetr) = validation {
    let! () = Rules.atLeast 1 unetr.Channels |> Validation.field "channels"
    and! () = encoder unetr.Channels unetr.Encoder |> Validation.field "encoder"
    return ()
}

/// The channels of the convolution blocks.
let blockChannels (unetr: Unetr) =
    let doublings =
        match unetr.Encoder with
        | UnetrEncoder.Column value -> value.Taps.Length
        | UnetrEncoder.Windows value -> value.Stages.Length
        | UnetrEncoder.Convolutions value -> value.Stages.Length

    [ for index in 0..doublings -> unetr.Channels * pown 2 index ]

/// UNETR's trainer rounds patches up to multiples of 16, SwinUNETR's to multiples of 32.
let patchRule unetr =
    PatchRule.roundUp (UnetrShapes.multiple unetr)

let private mixers (shapes: UnetrShapes) (unetr: Unetr) =
    let inStages (stages: PyramidStage list) =
        List.zip shapes.Stages stages
        |> Validation.items (fun _ (volume, stage) ->
            MixerRules.onVolume volume stage.Mixer |> Validation.field "mixer")
        |> Result.map ignore
        |> Validation.field "stages"

    match unetr.Encoder with
    | UnetrEncoder.Column value ->
        MixerRules.onVolume (List.head shapes.Stages) value.Mixer
        |> Validation.field "mixer"
    | UnetrEncoder.Windows value -> inStages value.Stages
    | UnetrEncoder.Convolutions value -> inStages value.Stages

/// The lowest volume that a convolution block normalises, and with which norm: a column ends in the decoder's first
/// doubling, SegMamba's pyramid has instance norms of its own.
let private lowest norm (shapes: UnetrShapes) (unetr: Unetr) =
    match unetr.Encoder with
    | UnetrEncoder.Column _ -> norm, (List.last shapes.Levels).Output
    | UnetrEncoder.Convolutions { Norm = PyramidNorm.Instance } -> Norm.PlainInstance, shapes.Bottom.Output
    | UnetrEncoder.Windows _
    | UnetrEncoder.Convolutions _ -> norm, shapes.Bottom.Output

/// The stages at a patch that the rule takes.
let patch norm (unetr: Unetr) (patch: Size3) =
    let shapes = UnetrShapes.infer (patch, 1, 1) unetr
    let norm, lowest = lowest norm shapes unetr

    validation {
        let! () = Rules.normedVolume norm patch "volume" lowest |> Validation.field "patch"

        and! () = mixers shapes unetr |> Validation.field "architecture.encoder"
        return ()
    }
