/// What a U-Net must keep to, and its patches.
[<RequireQualifiedAccess>]
module internal MedSegDsl.UNetRules

let private oddKernel (size: Size3) =
    [ "d", size.D; "h", size.H; "w", size.W ]
    |> List.map (fun (axis, value) -> Rules.oddKernel value |> Validation.field axis)
    |> Validation.all
    |> Result.map ignore

let private stage _ (stage: UNetStage) = validation {
    let! () = Rules.atLeast 1 stage.Channels |> Validation.field "channels"
    and! () = Rules.sizeAtLeast 1 stage.Stride |> Validation.field "stride"
    and! () = oddKernel stage.Kernel |> Validation.field "kernel"
    and! () = Rules.atLeast 1 stage.Blocks |> Validation.field "blocks"
    return ()
}

let private decoderLength (sizes: UNetSizes) =
    let right = max 1 (sizes.Encoder.Length - 1)

    Validation.check
        (sizes.Decoder.Length = right)
        (Rules.stages sizes.Decoder.Length)
        $"{Rules.stages right}, one fewer than the encoder, since each takes the skip of one encoder stage"

let private sizes (sizes: UNetSizes) = validation {
    let! () =
        Validation.check (sizes.Encoder.Length >= 2) (Rules.stages sizes.Encoder.Length) "2 stages or more"
        |> Validation.field "encoder"

    and! _ = Validation.items stage sizes.Encoder |> Validation.field "encoder"
    and! () = decoderLength sizes |> Validation.field "decoder"

    and! _ =
        Validation.items (fun _ -> Rules.atLeast 1) sizes.Decoder
        |> Validation.field "decoder"

    return ()
}

let private stageSet =
    function
    | StageSet.All -> Ok()
    | StageSet.Lowest count
    | StageSet.Highest count -> Rules.atLeast 1 count |> Validation.field "count"

/// A mixer in several stages: what is wrong in more than one is said once.
let private inEach rule stages =
    match stages |> List.map rule |> Validation.all with
    | Ok _ -> Ok()
    | Error errors -> Error(List.distinct errors)

/// Layers in stages of these channels, by distance from the highest resolution; none where sizes come from the plans.
let private layers channels _ (layers: StageLayers) =
    let count = List.length channels

    let channelsThere =
        match
            channels
            |> List.indexed
            |> List.filter (fun (i, _) -> StageSet.contains i count layers.Stages)
        with
        | [] -> [ 0 ]
        | found -> List.map snd found

    validation {
        let! () = stageSet layers.Stages |> Validation.field "stages"
        and! () = Rules.atLeast 1 layers.Depth |> Validation.field "depth"

        and! () =
            channelsThere
            |> inEach (fun channels -> MixerRules.mixer channels layers.Mixer)
            |> Validation.field "mixer"

        return ()
    }

let private channels (net: UNet) =
    match net.Sizes with
    | Planned.FromPlans -> []
    | Planned.Set sizes -> [ for stage in sizes.Encoder -> stage.Channels ]

/// All errors of the sizes and layers.
let net (net: UNet) =
    let inEncoder = channels net
    let inDecoder = List.truncate (inEncoder.Length - 1) inEncoder

    validation {
        let! () =
            match net.Sizes with
            | Planned.FromPlans -> Ok()
            | Planned.Set given -> sizes given |> Validation.field "sizes"

        and! _ =
            Validation.items (layers inEncoder) net.EncoderLayers
            |> Validation.field "encoderLayers"

        and! _ =
            Validation.items (layers inDecoder) net.DecoderLayers
            |> Validation.field "decoderLayers"

        return ()
    }

/// The channels of the convolution blocks; none where they come from the plans.
let blockChannels = channels

/// The strides divide the patch; where they come from the plans, they do.
let patchRule (net: UNet) =
    match net.Sizes with
    | Planned.FromPlans -> PatchRule.refuse (Size3.cube 1)
    | Planned.Set sizes ->
        (Size3.cube 1, sizes.Encoder)
        ||> List.fold (fun total stage -> Size3.map2 (*) total stage.Stride)
        |> PatchRule.refuse

let private mixers places =
    places
    |> List.collect id
    |> inEach (fun (layer: UNetLayer) -> MixerRules.onVolume layer.Volume layer.Mixer)

/// The stages at a patch that the rule takes.
let patch norm (net: UNet) (patch: Size3) =
    match net.Sizes with
    | Planned.FromPlans -> Ok()
    | Planned.Set sizes ->
        let layout = UNetLayout.infer (patch, 1) net sizes

        validation {
            let! () =
                Rules.normedVolume norm patch "encoder stage" (List.last layout.Encoder).Output
                |> Validation.field "patch"

            and! () =
                mixers [ for place in layout.Encoder -> place.Layers ]
                |> Validation.field "architecture.encoderLayers"

            and! () =
                mixers [ for place in layout.Decoder -> place.Layers ]
                |> Validation.field "architecture.decoderLayers"

            return ()
        }
