/// The words for the rows of an nnFormer.
[<RequireQualifiedAccess>]
module internal MedSegDsl.NnFormerText

let private text lines = List.map TableLine.Text lines
let private one = Size3.cube 1

let private stem (former: NnFormer) =
    let half = former.Channels / 2

    text [
        LayerText.conv [ 3 ] half former.FirstStride
        LayerText.conv [ 3 ] half one
        LayerText.conv [ 3 ] former.Channels former.SecondStride
        LayerText.conv [ 3 ] former.Channels one
    ]

let private encoder (former: NnFormer) index (stage: PyramidStage) =
    let channels = former.Channels * pown 2 index

    [
        if index > 0 then
            TableLine.Text(LayerText.conv [ 3 ] channels (Size3.cube 2))
        LayerText.layers channels stage.Depth stage.Mixer
    ]

let private decoder (former: NnFormer) index (stage: SkipAttentionStage) =
    let skip = former.Encoder.Length - 2 - index
    let channels = former.Channels * pown 2 skip
    let attention = stage.Attention

    [
        TableLine.Text $"TransConv: K=2, C={channels}, S=2"
        TableLine.Text $"Add: {Row.title (Row.Encoder skip)}"
        TableLine.Text $"Skip attention: heads={attention.Heads}, window={LayerText.size attention.Window}"
        TableLine.Text $"FFN: C={attention.FeedForwardRatio * channels}, {channels}"
        if stage.Depth > 0 then
            LayerText.layers channels stage.Depth stage.Mixer
    ]

/// What an nnFormer has in a row; nothing where it has no such row.
let configuration (cost: NetworkCost) (former: NnFormer) row =
    let size = LayerText.size (NnFormerShapes.tokenSize former)
    let map = $"TransConv: K={size}, C={cost.Output.Channels}, S={size}"

    match row with
    | Row.Stem -> stem former
    | Row.Encoder index ->
        List.tryItem index former.Encoder
        |> Option.map (encoder former index)
        |> Option.defaultValue []
    | Row.Decoder index ->
        List.tryItem index former.Decoder
        |> Option.map (decoder former index)
        |> Option.defaultValue []
    | Row.Head -> text [ map ]
    | Row.DeepSupervision when cost.Network.DeepSupervision ->
        text [ $"{map} on DS1–DS{former.Decoder.Length - 1}" ]
    | _ -> []
