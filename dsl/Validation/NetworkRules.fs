/// What a network's definition must keep to, whatever the patch.
[<RequireQualifiedAccess>]
module internal MedSegDsl.NetworkRules

let private stem (stem: Stem) = validation {
    let! () = Rules.atLeast 1 stem.Channels |> Validation.field "channels"
    and! () = Rules.oddKernel stem.Kernel |> Validation.field "kernel"
    and! () = Rules.sizeAtLeast 1 stem.Stride |> Validation.field "stride"
    return ()
}

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

let private decoderStage (network: Network) index (stage: DecoderStage) =
    let channels =
        match List.tryItem (network.Encoder.Length - 2 - index) network.Encoder with
        | Some skip -> skip.Channels
        | None -> 0

    validation {
        let! () = Rules.atLeast 1 stage.Depth |> Validation.field "depth"
        and! () = MixerRules.mixer channels stage.Mixer |> Validation.field "mixer"
        return ()
    }

let private stages count =
    if count = 1 then "1 stage" else $"{count} stages"

let private decoderLength (network: Network) =
    let right = max 1 (network.Encoder.Length - 1)

    Validation.check
        (network.Decoder.Length = right)
        (stages network.Decoder.Length)
        $"{stages right}, one fewer than the encoder, since each takes the skip of one encoder stage"

let private norm (network: Network) =
    match network.Norm with
    | Norm.Instance
    | Norm.Batch -> Ok()
    | Norm.Group groups when groups < 1 -> Rules.atLeast 1 groups |> Validation.field "groups"
    | Norm.Group groups ->
        let channels =
            network.Stem.Channels :: [ for stage in network.Encoder -> stage.Channels ]

        let wrong = channels |> List.filter (fun c -> c % groups <> 0) |> List.map string

        Validation.check wrong.IsEmpty groups $"""a divisor of the channels {String.concat ", " wrong}"""
        |> Validation.field "groups"

let private activation =
    function
    | Activation.LeakyReLU slope -> Rules.below 0.0 1.0 slope |> Validation.field "slope"
    | Activation.ReLU
    | Activation.GELU
    | Activation.SiLU -> Ok()

/// All errors of the definition.
let network (network: Network) = validation {
    let! () = Rules.name network.Name |> Validation.field "name"
    and! () = stem network.Stem |> Validation.field "stem"

    and! () =
        Validation.check (network.Encoder.Length >= 2) (stages network.Encoder.Length) "2 stages or more"
        |> Validation.field "encoder"

    and! _ = Validation.items encoderStage network.Encoder |> Validation.field "encoder"
    and! () = decoderLength network |> Validation.field "decoder"

    and! _ =
        Validation.items (decoderStage network) network.Decoder
        |> Validation.field "decoder"

    and! () = norm network |> Validation.field "norm"
    and! () = activation network.Activation |> Validation.field "activation"
    return network
}
