/// The words for the rows of a UNETR.
[<RequireQualifiedAccess>]
module internal MedSegDsl.UnetrText

let private one = Size3.cube 1

let private residual channels =
    $"ResBlock: Conv: K=3, C={channels}, S=1, twice"

let private doubling channels = $"TransConv: K=2, C={channels}, S=2"

let private text lines = List.map TableLine.Text lines

let private stem (unetr: Unetr) =
    match unetr.Encoder with
    | UnetrEncoder.Column column ->
        let size = column.TokenSize

        text [
            LayerText.conv [ size ] column.Channels (Size3.cube size)
            match column.PositionEmbedding with
            | PositionEmbedding.Learned -> "Add: positions"
            | PositionEmbedding.Absent -> ()
        ]
    | UnetrEncoder.Windows _ -> text [ LayerText.conv [ 2 ] unetr.Channels (Size3.cube 2) ]
    | UnetrEncoder.Convolutions pyramid ->
        text [
            LayerText.conv [ pyramid.StemKernel ] unetr.Channels (Size3.cube 2)
            match pyramid.Norm with
            | PyramidNorm.Layer -> "LayerNorm"
            | PyramidNorm.Instance -> ()
        ]

let private merging =
    function
    | PatchMerging.V1 -> "Merging"
    | PatchMerging.V1WithRepeats -> "Merging with repeats"
    | PatchMerging.V2 -> "Merging V2"

let private stage (unetr: Unetr) index =
    let channels = unetr.Channels * pown 2 index

    match unetr.Encoder with
    | UnetrEncoder.Column column when index = 0 -> [
        LayerText.layers column.Channels column.Depth column.Mixer
        TableLine.Text "LayerNorm"
      ]
    | UnetrEncoder.Column _ -> []
    | UnetrEncoder.Windows pyramid ->
        match List.tryItem index pyramid.Stages with
        | None -> []
        | Some stage -> [
            if pyramid.ResidualBlocks then
                TableLine.Text(residual channels)
            LayerText.layers channels stage.Depth stage.Mixer
            TableLine.Text $"{merging pyramid.Merging}: C={2 * channels}, S=2"
            if index = pyramid.Stages.Length - 1 then
                TableLine.Text(residual (2 * channels))
          ]
    | UnetrEncoder.Convolutions pyramid ->
        match List.tryItem index pyramid.Stages with
        | None -> []
        | Some stage -> [
            if index > 0 then
                TableLine.Text(LayerText.conv [ 2 ] channels (Size3.cube 2))
            if pyramid.GatedConvolution then
                TableLine.Text $"GSC: Conv: K=3, C={channels}, S=1, twice; K=1"
            LayerText.layers channels stage.Depth stage.Mixer
            if pyramid.SkipFeedForward then
                TableLine.Text $"FFN on the skip: C={2 * channels}, {channels}"
            if index = pyramid.Stages.Length - 1 then
                TableLine.Text(residual (2 * channels))
          ]

let private skip (level: UnetrLevel) =
    let channels = level.Output.Channels

    match level.Skip with
    | UnetrSkip.Direct -> [ TableLine.Text "Concat: skip" ]
    | UnetrSkip.Residual _ -> text [ "Concat: skip through"; residual channels ]
    | UnetrSkip.Projected(_, 1) -> text [ "Concat: skip through"; doubling channels ]
    | UnetrSkip.Projected(_, doublings) -> [
        TableLine.Text "Concat: skip through"
        TableLine.Text(doubling channels)
        TableLine.Repeated([ doubling channels; residual channels ], doublings - 1)
      ]

let private decoder (level: UnetrLevel) = [
    TableLine.Text(doubling level.Output.Channels)
    yield! skip level
    TableLine.Text(residual level.Output.Channels)
]

/// What a UNETR has in a row; nothing where it has no such row.
let configuration (cost: NetworkCost) (unetr: Unetr) row =
    let shapes = UnetrShapes.infer (cost.Output.Size, 1, cost.Output.Channels) unetr

    match row with
    | Row.Stem -> stem unetr
    | Row.Encoder index -> stage unetr index
    | Row.Decoder index ->
        List.rev shapes.Levels
        |> List.tryItem index
        |> Option.map decoder
        |> Option.defaultValue []
    | Row.Head ->
        text [
            if shapes.ClosingBlock then
                residual unetr.Channels
            LayerText.conv [ 1 ] cost.Output.Channels one
        ]
    | _ -> []
