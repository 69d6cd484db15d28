/// The words for the rows of a MedNeXt.
[<RequireQualifiedAccess>]
module internal MedSegDsl.MedNeXtText

let private text lines = List.map TableLine.Text lines

let private resampling kind channels (block: MedNeXtBlock) =
    $"{kind}: K={block.Kernel}, E={block.Expansion}, C={channels}"

let private down channels (stage: MedNeXtStage) = [
    TableLine.Text(resampling "Down block" channels stage.Resampling)
    LayerText.layers channels stage.Depth stage.Mixer
]

let private up channels skip (stage: MedNeXtStage) = [
    TableLine.Text(resampling "Up block" channels stage.Resampling)
    TableLine.Text $"Add: {skip}"
    LayerText.layers channels stage.Depth stage.Mixer
]

/// What a MedNeXt has in a row; nothing where it has no such row.
let configuration (cost: NetworkCost) (shape: MedNeXt) row =
    let classes = cost.Output.Channels
    let lowest = shape.Encoder.Length
    let channels level = shape.Channels * (1 <<< level)

    match row with
    | Row.Stem -> [
        TableLine.Text(LayerText.conv [ 1 ] shape.Channels (Size3.cube 1))
        LayerText.layers shape.Channels shape.Depth shape.Mixer
      ]
    | Row.Encoder index ->
        shape.Encoder
        |> List.tryItem index
        |> Option.map (down (channels (index + 1)))
        |> Option.defaultValue []
    | Row.Decoder index when index < lowest - 1 ->
        let level = lowest - 1 - index
        up (channels level) (Row.title (Row.Encoder(level - 1))) shape.Decoder[index]
    | Row.LastUpsampling -> up shape.Channels "stem" (List.last shape.Decoder)
    | Row.Head -> text [ $"Conv: K=1, C={classes}" ]
    | Row.DeepSupervision when cost.Network.DeepSupervision ->
        text [ $"Conv: K=1, C={classes} on ES{lowest}"; "and on every stage of the decoder" ]
    | _ -> []
