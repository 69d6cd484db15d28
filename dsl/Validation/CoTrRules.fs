/// What a CoTr must keep to, and its patches.
[<RequireQualifiedAccess>]
module internal MedSegDsl.CoTrRules

let private stage _ (stage: CoTrStage) = validation {
    let! () = Rules.atLeast 1 stage.Channels |> Validation.field "channels"
    and! () = Rules.sizeAtLeast 1 stage.Stride |> Validation.field "stride"
    and! () = Rules.atLeast 1 stage.Depth |> Validation.field "depth"
    return ()
}

/// The Transformer's volumes lie end to end as tokens of one width.
let private levels (shape: CoTr) =
    let count = shape.Encoder.Length

    if shape.Levels < 1 || shape.Levels > count then
        Validation.error shape.Levels $"from 1 to {count}, the encoder's stages"
    else
        let channels = [
            for stage in List.skip (count - shape.Levels) shape.Encoder -> stage.Channels
        ]

        Validation.check
            ((List.distinct channels).Length = 1)
            shape.Levels
            $"fewer, or the same channels in the encoder's last {Rules.stages shape.Levels}"

/// All errors of the stages and the Transformer.
let shape (shape: CoTr) =
    let channels =
        match List.tryLast shape.Encoder with
        | Some stage -> stage.Channels
        | None -> 0

    validation {
        let! () = StemRules.stem shape.Stem |> Validation.field "stem"

        and! () =
            Validation.check (not shape.Encoder.IsEmpty) (Rules.stages 0) "1 stage or more"
            |> Validation.field "encoder"

        and! _ = Validation.items stage shape.Encoder |> Validation.field "encoder"
        and! () = levels shape |> Validation.field "levels"
        and! () = Rules.atLeast 1 shape.Layers |> Validation.field "layers"

        and! () =
            MixerRules.mixer channels (Mixer.DeformableAttention shape.Attention)
            |> Validation.field "attention"

        return ()
    }

/// The channels of the convolution blocks.
let blockChannels (shape: CoTr) =
    shape.Stem.Channels :: [ for stage in shape.Encoder -> stage.Channels ]

/// The strides divide the patch.
let patchRule (shape: CoTr) =
    PatchRule.refuse (List.last (CoTrShapes.reductions shape))

/// The stages at a patch that the rule takes.
let patch norm (shape: CoTr) (patch: Size3) =
    Rules.normedVolume norm patch "encoder stage" (List.last (CoTrShapes.infer patch shape))
    |> Validation.field "patch"
