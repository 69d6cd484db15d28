/// The words for a row of an architecture table: what it consists of, the size it ends in.
[<RequireQualifiedAccess>]
module internal MedSegDsl.RowText

/// What a network has in a row; nothing where it has no such row.
let configuration (cost: NetworkCost) row =
    match cost.Network.Architecture with
    | Architecture.UShape shape -> UShapeText.configuration cost shape row
    | Architecture.Unetr unetr -> UnetrText.configuration cost unetr row
    | Architecture.SegFormer shape -> SegFormerText.configuration cost shape row
    | Architecture.CoTr shape -> CoTrText.configuration cost shape row
    | Architecture.MedNeXt shape -> MedNeXtText.configuration cost shape row
    | Architecture.UNet net ->
        match net.Sizes with
        | Planned.FromPlans -> []
        | Planned.Set sizes -> UNetText.configuration cost net sizes row

/// `D/2 × H/4 × W/4`.
let relativeSize (reduction: Size3) =
    let axis name divisor =
        if divisor = 1 then name else $"{name}/{divisor}"

    $"""{axis "D" reduction.D} × {axis "H" reduction.H} × {axis "W" reduction.W}"""

/// `32 × 48 × 40`.
let absoluteSize (size: Size3) = $"{size.D} × {size.H} × {size.W}"
