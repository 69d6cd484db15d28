/// What a patch must be for a network.
[<RequireQualifiedAccess>]
module internal MedSegDsl.PatchRules

let private multiple (stride: int) (value: int) =
    let below = value / stride * stride

    let nearest =
        if below = 0 then
            string stride
        else
            $"{below} or {below + stride}"

    Validation.check
        (value >= 1 && value % stride = 0)
        value
        $"a multiple of {stride}, the nearest being {nearest}"

let private isMultiple (size: Size3) (patch: Size3) = validation {
    let! () = multiple size.D patch.D |> Validation.field "d"
    and! () = multiple size.H patch.H |> Validation.field "h"
    and! () = multiple size.W patch.W |> Validation.field "w"
    return ()
}

/// The patch sizes of a valid network.
let rule (network: Network) =
    match network.Architecture with
    | Architecture.UShape shape -> UShapeRules.patchRule shape
    | Architecture.Unetr unetr -> UnetrRules.patchRule unetr
    | Architecture.SegFormer _ -> SegFormerRules.patchRule
    | Architecture.CoTr shape -> CoTrRules.patchRule shape
    | Architecture.MedNeXt shape -> MedNeXtRules.patchRule shape
    | Architecture.UNet net -> UNetRules.patchRule net

/// The patch, rounded up where the network's rule rounds.
let fit (network: Network) (patch: Size3) =
    let rule = rule network
    if rule.RoundsUp then PatchRule.fit patch rule else patch

/// The stages at a patch that the rule takes.
let private stages (network: Network) patch =
    match network.Architecture with
    | Architecture.UShape shape -> UShapeRules.patch network.Norm shape patch
    | Architecture.Unetr unetr -> UnetrRules.patch network.Norm unetr patch
    | Architecture.SegFormer shape -> SegFormerRules.patch network.Norm shape patch
    | Architecture.CoTr shape -> CoTrRules.patch network.Norm shape patch
    | Architecture.MedNeXt shape -> MedNeXtRules.patch network.Norm shape patch
    | Architecture.UNet net -> UNetRules.patch network.Norm net patch

/// The patch of a valid network; the errors lie under `patch` and under the stages that it does not suit.
let patch (network: Network) (patch: Size3) = validation {
    let! () = isMultiple (rule network).Multiple patch |> Validation.field "patch"
    let! () = stages network patch
    return ()
}
