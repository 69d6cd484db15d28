/// What a mixer needs of its numbers and of the stage that it is in.
[<RequireQualifiedAccess>]
module internal MedSegDsl.MixerRules

let private convolution =
    function
    | DepthwiseConv.Causal1d kernel -> Rules.atLeast 1 kernel |> Validation.field "kernel"
    | DepthwiseConv.Volume3d kernel -> Rules.oddKernel kernel |> Validation.field "kernel"
    | DepthwiseConv.MultiScale3d(kernels, _) -> Rules.kernels kernels |> Validation.field "kernels"

let private mamba (mixer: MambaMixer) = validation {
    let! () = convolution mixer.Convolution |> Validation.field "convolution"
    and! () = Rules.distinct "order" mixer.Scan |> Validation.field "scan"
    and! () = Rules.atLeast 1 mixer.StateSize |> Validation.field "stateSize"
    and! () = Rules.atLeast 1 mixer.Expansion |> Validation.field "expansion"
    return ()
}

let private heads channels value =
    if value < 1 || channels < 1 then
        Rules.atLeast 1 value
    else
        Validation.check
            (channels % value = 0)
            value
            $"a divisor of the stage's {channels} channels, such as {Rules.nearestDivisors channels value}"

let private attention channels (mixer: AttentionMixer) = validation {
    let! () = heads channels mixer.Heads |> Validation.field "heads"
    and! () = Rules.atLeast 1 mixer.Reduction |> Validation.field "reduction"

    and! () =
        Rules.atLeast 1 mixer.FeedForwardRatio |> Validation.field "feedForwardRatio"

    and! () = Rules.positive mixer.NormEpsilon |> Validation.field "normEpsilon"
    return ()
}

/// A stage's mixer; `channels` are the stage's, 0 where the stage has no place in the network.
let mixer channels value =
    match value with
    | Mixer.Mamba mixer -> mamba mixer
    | Mixer.Attention mixer -> attention channels mixer
    | Mixer.PlainConvolution kernel
    | Mixer.ResidualConvolution kernel -> Rules.oddKernel kernel |> Validation.field "kernel"

/// A stage's mixer on the volume that the stage has at a patch.
let onVolume (volume: VolumeShape) value =
    match value with
    | Mixer.Attention attention ->
        let side = Size3.toList volume.Size |> List.min

        Validation.check
            (attention.Reduction <= side)
            attention.Reduction
            $"{side} or less, the smallest side of the stage's {volume.Size} volume at this patch"
        |> Validation.field "reduction"
    | Mixer.Mamba _
    | Mixer.PlainConvolution _
    | Mixer.ResidualConvolution _ -> Ok()
