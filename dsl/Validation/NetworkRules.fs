/// What a network's definition must keep to, whatever the patch.
[<RequireQualifiedAccess>]
module internal MedSegDsl.NetworkRules

let private architecture =
    function
    | Architecture.UShape shape -> UShapeRules.shape shape
    | Architecture.Unetr unetr -> UnetrRules.unetr unetr

/// The channels of the convolution blocks that are normalised.
let private blockChannels =
    function
    | Architecture.UShape shape -> UShapeRules.blockChannels shape
    | Architecture.Unetr unetr -> UnetrRules.blockChannels unetr

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

/// All errors of the definition.
let network (network: Network) = validation {
    let! () = Rules.name network.Name |> Validation.field "name"
    and! () = architecture network.Architecture |> Validation.field "architecture"
    and! () = norm network |> Validation.field "norm"
    and! () = activation network.Activation |> Validation.field "activation"
    return network
}
