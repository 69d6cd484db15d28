/// What a U-shape must keep to, and its patches.
[<RequireQualifiedAccess>]
module internal MedSegDsl.UShapeRules

let private embedding =
    function
    | Embedding.Convolution kernel -> Rules.oddKernel kernel |> Validation.field "kernel"
    | Embedding.FusedBeforeMixers(kernels, _)
    | Embedding.FusedAfterMixers(kernels, _) -> Rules.kernels kernels |> Validation.field "kernels"

let private encoderStage _ (stage: EncoderStage) = validation {
    let! () = Rules.atLeast 1 stage.Channels |> Validation.field "channels"
    and! () = Rules.sizeAtLeast 1 stage.Stride |> Validation.field "stride"
    and! () = embedding stage.Embedding |> Validation.field "embedding"
    and! () = Rules.atLeast 1 stage.Depth |> Validation.field "depth"
    and! () = MixerRules.mixer stage.Channels stage.Mixer |> Validation.field "mixer"
    return ()
}

let private decoderStage (shape: UShape) index (stage: DecoderStage) =
    let channels =
        match List.tryItem (shape.Encoder.Length - 2 - index) shape.Encoder with
        | Some skip -> skip.Channels
        | None -> 0

    validation {
        let! () = Rules.atLeast 1 stage.Depth |> Validation.field "depth"
        and! () = MixerRules.mixer channels stage.Mixer |> Validation.field "mixer"
        return ()
    }

/// All errors of the stages.
let shape (shape: UShape) = validation {
    let! () = StemRules.stem shape.Stem |> Validation.field "stem"

    and! () =
        Validation.check (shape.Encoder.Length >= 2) (Rules.stages shape.Encoder.Length) "2 stages or more"
        |> Validation.field "encoder"

    and! _ = Validation.items encoderStage shape.Encoder |> Validation.field "encoder"

    and! () =
        Rules.decoderLength shape.Encoder.Length shape.Decoder.Length
        |> Validation.field "decoder"

    and! _ =
        Validation.items (decoderStage shape) shape.Decoder
        |> Validation.field "decoder"

    return ()
}

/// The channels of the convolution blocks.
let blockChannels (shape: UShape) =
    shape.Stem.Channels :: [ for stage in shape.Encoder -> stage.Channels ]

/// The strides divide the patch.
let patchRule shape =
    PatchRule.refuse (UShapeShapes.totalStride shape)

let private mixers mixer (shapes: VolumeShape list) stages =
    List.zip shapes stages
    |> Validation.items (fun _ (shape, stage) ->
        MixerRules.onVolume shape (mixer stage) |> Validation.field "mixer")

/// The stages at a patch that the rule takes.
let patch norm (shape: UShape) (patch: Size3) =
    let shapes = UShapeShapes.infer (patch, 1, 1) shape

    validation {
        let! () =
            Rules.normedVolume norm patch "encoder stage" (List.last shapes.Encoder)
            |> Validation.field "patch"

        and! _ =
            mixers (fun (stage: EncoderStage) -> stage.Mixer) shapes.Encoder shape.Encoder
            |> Validation.field "architecture.encoder"

        and! _ =
            mixers (fun (stage: DecoderStage) -> stage.Mixer) shapes.Decoder shape.Decoder
            |> Validation.field "architecture.decoder"

        return ()
    }
