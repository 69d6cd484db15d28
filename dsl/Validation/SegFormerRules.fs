/// What a SegFormer must keep to, and its patches.
[<RequireQualifiedAccess>]
module internal MedSegDsl.SegFormerRules

let private stage _ (stage: SegFormerStage) = validation {
    let! () = Rules.atLeast 1 stage.Channels |> Validation.field "channels"
    and! () = Rules.oddKernel stage.Kernel |> Validation.field "kernel"
    and! () = Rules.sizeAtLeast 1 stage.Stride |> Validation.field "stride"
    and! () = Rules.atLeast 1 stage.Depth |> Validation.field "depth"
    and! () = MixerRules.mixer stage.Channels stage.Mixer |> Validation.field "mixer"
    return ()
}

/// All errors of the stages and the decoder.
let shape (shape: SegFormer) = validation {
    let! () =
        Validation.check (not shape.Stages.IsEmpty) (Rules.stages 0) "1 stage or more"
        |> Validation.field "stages"

    and! _ = Validation.items stage shape.Stages |> Validation.field "stages"

    and! () = Rules.atLeast 1 shape.DecoderChannels |> Validation.field "decoderChannels"
    and! () = Rules.below 0.0 1.0 shape.Dropout |> Validation.field "dropout"
    return ()
}

/// The channels of what is normalised: the decoder's convolution block, and what the stages' layers have.
let blockChannels (shape: SegFormer) =
    shape.DecoderChannels
    :: [
        for stage in shape.Stages do
            yield! MixerRules.normedChannels stage.Channels stage.Mixer
    ]

/// Any size: embeddings round up, and the map is interpolated to the input's size.
let patchRule = PatchRule.refuse (Size3.cube 1)

/// The stages at a patch.
let patch norm (shape: SegFormer) (patch: Size3) =
    let shapes = SegFormerShapes.infer patch shape

    validation {
        let! () =
            Rules.normedVolume norm patch "stage" (Array.last shapes)
            |> Validation.field "patch"

        and! _ =
            List.zip (List.ofArray shapes) shape.Stages
            |> Validation.items (fun _ (volume, stage) ->
                MixerRules.onVolume volume stage.Mixer |> Validation.field "mixer")
            |> Validation.field "architecture.stages"

        return ()
    }
