/// What a network's definition must keep to, whatever the patch.
[<RequireQualifiedAccess>]
module internal MedSegDsl.NetworkRules

let private architecture =
    function
    | Architecture.UShape shape -> UShapeRules.shape shape
    | Architecture.Unetr unetr -> UnetrRules.unetr unetr
    | Architecture.SegFormer shape -> SegFormerRules.shape shape
    | Architecture.CoTr shape -> CoTrRules.shape shape
    | Architecture.MedNeXt shape -> MedNeXtRules.shape shape
    | Architecture.UNet net -> UNetRules.net net

/// The channels of the convolution blocks that are normalised.
let private blockChannels =
    function
    | Architecture.UShape shape -> UShapeRules.blockChannels shape
    | Architecture.Unetr unetr -> UnetrRules.blockChannels unetr
    | Architecture.SegFormer shape -> SegFormerRules.blockChannels shape
    | Architecture.CoTr shape -> CoTrRules.blockChannels shape
    | Architecture.MedNeXt shape -> MedNeXtRules.blockChannels shape
    | Architecture.UNet net -> UNetRules.blockChannels net

let private norm (network: Network) =
    match network.Norm with
    | Norm.Instance
    | Norm.PlainInstance
    | Norm.Batch -> Ok()
    | Norm.Group groups when groups < 1 -> Rules.atLeast 1 groups |> Validation.field "groups"
    | Norm.Group groups ->
        let wrong =
            blockChannels network.Architecture
            |> List.filter (fun c -> c % groups <> 0)
            |> List.distinct
            |> List.map string

        Validation.check wrong.IsEmpty groups $"""a divisor of the channels {String.concat ", " wrong}"""
        |> Validation.field "groups"

let private activation =
    function
    | Activation.LeakyReLU slope -> Rules.below 0.0 1.0 slope |> Validation.field "slope"
    | Activation.ReLU
    | Activation.GELU
    | Activation.SiLU -> Ok()

let private deepSupervision (network: Network) =
    match network.Architecture with
    | Architecture.SegFormer _ when network.DeepSupervision ->
        Validation.error "true" "false, since this architecture makes one class map"
    | _ -> Ok()

/// All errors of the definition.
let network (network: Network) = validation {
    let! () = Rules.name network.Name |> Validation.field "name"
    and! () = architecture network.Architecture |> Validation.field "architecture"
    and! () = norm network |> Validation.field "norm"
    and! () = activation network.Activation |> Validation.field "activation"
    and! () = deepSupervision network |> Validation.field "deepSupervision"
    return network
}
