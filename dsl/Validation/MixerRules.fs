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

let private rate value = Rules.below 0.0 1.0 value

let private dropPath (drop: DropPath) = validation {
    let! () = rate drop.First |> Validation.field "first"
    and! () = rate drop.Step |> Validation.field "step"
    return ()
}

let private swin channels (mixer: SwinMixer) = validation {
    let! () = heads channels mixer.Heads |> Validation.field "heads"
    and! () = Rules.sizeAtLeast 1 mixer.Window |> Validation.field "window"

    and! () =
        Rules.atLeast 1 mixer.FeedForwardRatio |> Validation.field "feedForwardRatio"

    and! () = rate mixer.Dropout |> Validation.field "dropout"
    and! () = dropPath mixer.DropPath |> Validation.field "dropPath"
    return ()
}

let private vit channels (mixer: VitMixer) = validation {
    let! () = heads channels mixer.Heads |> Validation.field "heads"

    and! () =
        Rules.atLeast 1 mixer.FeedForwardRatio |> Validation.field "feedForwardRatio"

    and! () = rate mixer.Dropout |> Validation.field "dropout"
    return ()
}

let private ux (mixer: UxMixer) = validation {
    let! () = Rules.oddKernel mixer.Kernel |> Validation.field "kernel"
    and! () = Rules.atLeast 1 mixer.Expansion |> Validation.field "expansion"
    and! () = Rules.positive mixer.LayerScale |> Validation.field "layerScale"
    and! () = dropPath mixer.DropPath |> Validation.field "dropPath"
    return ()
}

let private mixTransformer channels (mixer: MixTransformerMixer) = validation {
    let! () = heads channels mixer.Heads |> Validation.field "heads"
    and! () = Rules.atLeast 1 mixer.Reduction |> Validation.field "reduction"

    and! () =
        Rules.atLeast 1 mixer.FeedForwardRatio |> Validation.field "feedForwardRatio"

    and! () = Rules.oddKernel mixer.Kernel |> Validation.field "kernel"
    return ()
}

/// Places are told apart by a third of the channels for each axis.
let private deformable channels (mixer: DeformableMixer) = validation {
    let! () = heads channels mixer.Heads |> Validation.field "heads"

    and! () =
        Validation.check
            (channels = 0 || channels >= 3)
            $"a stage of {channels} channels"
            "a stage of 3 channels or more, one at least for each axis"

    and! () = Rules.atLeast 1 mixer.Points |> Validation.field "points"

    and! () =
        Rules.atLeast 1 mixer.FeedForwardRatio |> Validation.field "feedForwardRatio"

    and! () = rate mixer.Dropout |> Validation.field "dropout"
    return ()
}

/// A block of MedNeXt, wherever it stands.
let medNeXt (block: MedNeXtBlock) = validation {
    let! () = Rules.oddKernel block.Kernel |> Validation.field "kernel"
    and! () = Rules.atLeast 1 block.Expansion |> Validation.field "expansion"
    return ()
}

/// A stage's mixer; `channels` are the stage's, 0 where the stage has no place in the network.
let mixer channels value =
    match value with
    | Mixer.Mamba mixer -> mamba mixer
    | Mixer.UMamba mixer -> mamba mixer.Mamba |> Validation.field "mamba"
    | Mixer.Attention mixer -> attention channels mixer
    | Mixer.PlainConvolution kernel
    | Mixer.ResidualConvolution kernel -> Rules.oddKernel kernel |> Validation.field "kernel"
    | Mixer.Swin mixer -> swin channels mixer
    | Mixer.Vit mixer -> vit channels mixer
    | Mixer.Ux mixer -> ux mixer
    | Mixer.MixTransformer mixer -> mixTransformer channels mixer
    | Mixer.DeformableAttention mixer -> deformable channels mixer
    | Mixer.MedNeXt block -> medNeXt block

/// The channels of what a mixer normalises with the network's norm, in a stage of so many channels.
let normedChannels channels value =
    match value with
    | Mixer.Mamba _
    | Mixer.UMamba _
    | Mixer.Attention _
    | Mixer.Swin _
    | Mixer.Vit _
    | Mixer.Ux _
    | Mixer.DeformableAttention _ -> []
    | Mixer.PlainConvolution _
    | Mixer.ResidualConvolution _
    | Mixer.MedNeXt _ -> [ channels ]
    | Mixer.MixTransformer mixer -> [ mixer.FeedForwardRatio * channels ]

let private reduction (volume: VolumeShape) value =
    let side = Size3.toList volume.Size |> List.min

    Validation.check
        (value <= side)
        value
        $"{side} or less, the smallest side of the stage's {volume.Size} volume at this patch"
    |> Validation.field "reduction"

/// A stage's mixer on the volume that the stage has at a patch.
let onVolume (volume: VolumeShape) value =
    match value with
    | Mixer.Attention mixer -> reduction volume mixer.Reduction
    | Mixer.MixTransformer mixer -> reduction volume mixer.Reduction
    | Mixer.Mamba _
    | Mixer.UMamba _
    | Mixer.PlainConvolution _
    | Mixer.ResidualConvolution _
    | Mixer.Swin _
    | Mixer.Vit _
    | Mixer.Ux _
    | Mixer.DeformableAttention _
    | Mixer.MedNeXt _ -> Ok()
