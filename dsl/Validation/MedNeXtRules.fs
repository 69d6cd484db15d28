/// What a MedNeXt must keep to, and its patches.
[<RequireQualifiedAccess>]
module internal MedSegDsl.MedNeXtRules

/// Channels double where the resolution halves, whichever way a stage is reached.
let private channels (shape: MedNeXt) level = shape.Channels * (1 <<< level)

let private layers depth channels mixer = validation {
    let! () = Rules.atLeast 1 depth |> Validation.field "depth"
    and! () = MixerRules.mixer channels mixer |> Validation.field "mixer"
    return ()
}

let private stage (shape: MedNeXt) level (stage: MedNeXtStage) = validation {
    let! () = MixerRules.medNeXt stage.Resampling |> Validation.field "resampling"
    and! () = layers stage.Depth (channels shape level) stage.Mixer
    return ()
}

/// All errors of the stages.
let shape (shape: MedNeXt) =
    let count = shape.Encoder.Length

    validation {
        let! () = Rules.atLeast 1 shape.Channels |> Validation.field "channels"
        and! () = layers shape.Depth shape.Channels shape.Mixer

        and! () =
            Validation.check (count >= 1 && count <= 16) (Rules.stages count) "from 1 to 16 stages"
            |> Validation.field "encoder"

        and! _ =
            Validation.items (fun i -> stage shape (i + 1)) shape.Encoder
            |> Validation.field "encoder"

        and! () =
            Validation.check
                (shape.Decoder.Length = count)
                (Rules.stages shape.Decoder.Length)
                $"{Rules.stages count}, as many as in the encoder, since each takes the skip of one resolution"
            |> Validation.field "decoder"

        and! _ =
            Validation.items (fun i -> stage shape (max 0 (count - 1 - i))) shape.Decoder
            |> Validation.field "decoder"

        return ()
    }

/// The channels of what is normalised.
let blockChannels (shape: MedNeXt) = [ for level in 0 .. shape.Encoder.Length -> channels shape level ]

/// Each stage of the encoder halves the patch.
let patchRule (shape: MedNeXt) =
    PatchRule.refuse (Size3.cube (1 <<< shape.Encoder.Length))

/// The stages at a patch that the rule takes.
let patch norm (shape: MedNeXt) (patch: Size3) =
    let shapes = MedNeXtShapes.infer patch shape

    let mixers place (stages: MedNeXtStage list) level =
        stages
        |> Validation.items (fun i stage ->
            MixerRules.onVolume shapes[level i] stage.Mixer |> Validation.field "mixer")
        |> Validation.field $"architecture.{place}"

    validation {
        let! () =
            Rules.normedVolume norm patch "stage" (Array.last shapes)
            |> Validation.field "patch"

        and! () =
            MixerRules.onVolume shapes[0] shape.Mixer
            |> Validation.field "architecture.mixer"

        and! _ = mixers "encoder" shape.Encoder (fun i -> i + 1)
        and! _ = mixers "decoder" shape.Decoder (fun i -> shape.Encoder.Length - 1 - i)
        return ()
    }
