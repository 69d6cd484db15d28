namespace MedSegDsl

/// What a network makes of a patch and costs, row by row.
type NetworkCost = {
    /// With the sizes that it has for the patch.
    Network: Network
    /// The class map at the input's size.
    Output: VolumeShape
    Rows: RowCost list
} with

    /// All rows together.
    member cost.Total = cost.Rows |> List.sumBy _.Cost

/// Costs from definitions: nothing is built.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module NetworkCost =
    let private rows input (network: Network) =
        match network.Architecture with
        | Architecture.UShape shape -> UShapeCost.rows input network shape
        | Architecture.Unetr unetr -> UnetrCost.rows input network unetr
        | Architecture.SegFormer shape -> SegFormerCost.rows input network shape
        | Architecture.CoTr shape -> CoTrCost.rows input network shape
        | Architecture.MedNeXt shape -> MedNeXtCost.rows input network shape
        | Architecture.UNet net ->
            match net.Sizes with
            | Planned.FromPlans -> []
            | Planned.Set sizes -> UNetCost.rows input network net sizes

    /// The network's rows for a patch (voxels), image channels and classes, background included; or everything wrong
    /// with it for these.
    let ofNetwork
        (patch: Size3, channels: int, classes: int)
        (network: Network)
        : Result<NetworkCost, DslError list> =
        network
        |> Network.validateFor (patch, channels, classes)
        |> Result.map (fun network ->
            let network = UNetPlan.resolveFor patch network

            {
                Network = network
                Output = VolumeShape.create classes patch
                Rows = rows (patch, channels, classes) network
            })

    /// The network's learned tensors for a patch, under their names in the published state dicts; or everything wrong
    /// with it. The patch gives the length of the position embeddings.
    let parameters
        (patch: Size3, channels: int, classes: int)
        (network: Network)
        : Result<Parameter list, DslError list> =
        ofNetwork (patch, channels, classes) network |> Result.map _.Total.Parameters
