namespace MedSegDsl

/// A row of a network's architecture; networks stand side by side where they have the same rows.
[<RequireQualifiedAccess>]
type Row =
    | Stem
    /// Encoder stage, from 0 (ES1), the highest resolution.
    | Encoder of index: int
    /// What stands between encoder and decoder and sees several resolutions at once.
    | Bridge
    /// Decoder stage, from 0 (DS1), the lowest resolution.
    | Decoder of index: int
    /// What goes up to the stem's resolution.
    | LastUpsampling
    /// The classifier, behind what brings the volume to the input's size.
    | Head
    /// The classifiers of the lower resolutions.
    | DeepSupervision

[<RequireQualifiedAccess>]
module Row =
    /// Where a row stands in a table.
    let order =
        function
        | Row.Stem -> 0, 0
        | Row.Encoder index -> 1, index
        | Row.Bridge -> 2, 0
        | Row.Decoder index -> 3, index
        | Row.LastUpsampling -> 4, 0
        | Row.Head -> 5, 0
        | Row.DeepSupervision -> 6, 0

    /// ES1, DS1 …, as the paper numbers them.
    let title =
        function
        | Row.Stem -> "Stem"
        | Row.Encoder index -> $"ES{index + 1}"
        | Row.Bridge -> "Bridge"
        | Row.Decoder index -> $"DS{index + 1}"
        | Row.LastUpsampling -> "Last upsampling"
        | Row.Head -> "Head"
        | Row.DeepSupervision -> "Deep supervision"

/// What a row of the architecture makes and costs.
type RowCost = {
    Row: Row
    /// The volume that the row ends in; for deep supervision the largest of its maps.
    Output: VolumeShape
    /// The input's size over the output's, along each axis.
    Reduction: Size3
    Cost: Cost
}
