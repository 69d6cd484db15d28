/// What an nnFormer must keep to, and its patches.
[<RequireQualifiedAccess>]
module internal MedSegDsl.NnFormerRules

let private encoderStage channels index (stage: PyramidStage) = validation {
    let! () = Rules.atLeast 1 stage.Depth |> Validation.field "depth"

    and! () =
        MixerRules.mixer (channels * pown 2 index) stage.Mixer
        |> Validation.field "mixer"

    return ()
}

/// Stage i of a decoder takes the skip of encoder stage n − 2 − i of n.
let private decoderStage (former: NnFormer) index (stage: SkipAttentionStage) =
    let skip = max 0 (former.Encoder.Length - 2 - index)
    let channels = former.Channels * pown 2 skip

    validation {
        let! () =
            MixerRules.mixer channels (Mixer.Swin stage.Attention)
            |> Validation.field "attention"

        and! () = Rules.atLeast 0 stage.Depth |> Validation.field "depth"
        and! () = MixerRules.mixer channels stage.Mixer |> Validation.field "mixer"
        return ()
    }

/// All errors of the definition.
let former (former: NnFormer) = validation {
    let! () =
        Validation.check
            (former.Channels >= 2 && former.Channels % 2 = 0)
            former.Channels
            "an even number, since the embedding's first half has half the channels"
        |> Validation.field "channels"

    and! () = Rules.sizeAtLeast 1 former.FirstStride |> Validation.field "firstStride"
    and! () = Rules.sizeAtLeast 1 former.SecondStride |> Validation.field "secondStride"

    and! () =
        Validation.check (former.Encoder.Length >= 2) (Rules.stages former.Encoder.Length) "2 stages or more"
        |> Validation.field "encoder"

    and! _ =
        Validation.items (encoderStage former.Channels) former.Encoder
        |> Validation.field "encoder"

    and! () =
        Rules.decoderLength former.Encoder.Length former.Decoder.Length
        |> Validation.field "decoder"

    and! _ =
        Validation.items (decoderStage former) former.Decoder
        |> Validation.field "decoder"

    return ()
}

/// The sizes must halve between stages. The published plans have patches that do; others are rounded up.
let patchRule former =
    PatchRule.roundUp (NnFormerShapes.multiple former)

/// The stages at a patch that the rule takes.
let patch (former: NnFormer) (patch: Size3) =
    let shapes = NnFormerShapes.infer (patch, 1, 1) former

    let onVolumes mixer (volumes: VolumeShape list) stages =
        List.zip volumes stages
        |> Validation.items (fun _ (volume, stage) ->
            MixerRules.onVolume volume (mixer stage) |> Validation.field "mixer")

    validation {
        let! _ =
            onVolumes (fun (stage: PyramidStage) -> stage.Mixer) shapes.Stages former.Encoder
            |> Validation.field "architecture.encoder"

        and! _ =
            onVolumes
                (fun (stage: SkipAttentionStage) -> stage.Mixer)
                (List.tail (List.rev shapes.Stages))
                former.Decoder
            |> Validation.field "architecture.decoder"

        return ()
    }
