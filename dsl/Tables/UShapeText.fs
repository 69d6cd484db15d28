/// The words for the rows of a U-shape.
[<RequireQualifiedAccess>]
module internal MedSegDsl.UShapeText

let private encoder (stage: EncoderStage) = [
    match stage.Embedding with
    | Embedding.Convolution kernel ->
        TableLine.Text(LayerText.conv [ kernel ] stage.Channels stage.Stride)
        LayerText.layers stage.Channels stage.Depth stage.Mixer
    | Embedding.FusedBeforeMixers(values, kind) ->
        TableLine.Text(LayerText.conv values stage.Channels stage.Stride)
        TableLine.Text $"Fuse: {LayerText.fusion kind}"
        LayerText.layers stage.Channels stage.Depth stage.Mixer
    | Embedding.FusedAfterMixers(values, kind) ->
        TableLine.Text $"{LayerText.conv values stage.Channels stage.Stride}, each with"
        LayerText.layers stage.Channels stage.Depth stage.Mixer
        TableLine.Text $"Fuse: {LayerText.fusion kind}"
]

let private decoder (shape: UShape) index (stage: DecoderStage) = [
    let skip = shape.Encoder.Length - 2 - index
    let channels = shape.Encoder[skip].Channels
    let stride = shape.Encoder[skip + 1].Stride

    match stage.Upsampling with
    | Upsampling.Transposed ->
        TableLine.Text $"TransConv: K={LayerText.size stride}, C={channels}, S={LayerText.size stride}"
        TableLine.Text $"Add: {Row.title (Row.Encoder skip)}"
    | Upsampling.Trilinear ->
        TableLine.Text $"Trilinear: ×{LayerText.size stride}"
        TableLine.Text(LayerText.conv [ 1 ] channels (Size3.cube 1))
        TableLine.Text $"Add: {Row.title (Row.Encoder skip)}"
        TableLine.Text(LayerText.conv [ 3 ] channels (Size3.cube 1))

    LayerText.layers channels stage.Depth stage.Mixer

    if index = shape.Decoder.Length - 1 then
        TableLine.Text "LayerNorm"
]

/// What a U-shape has in a row; nothing where it has no such row.
let configuration (cost: NetworkCost) (shape: UShape) row =
    let classes = cost.Output.Channels
    let text lines = List.map TableLine.Text lines

    match row with
    | Row.Stem -> text [ LayerText.conv [ shape.Stem.Kernel ] shape.Stem.Channels shape.Stem.Stride ]
    | Row.Encoder index ->
        shape.Encoder
        |> List.tryItem index
        |> Option.map encoder
        |> Option.defaultValue []
    | Row.Decoder index ->
        shape.Decoder
        |> List.tryItem index
        |> Option.map (decoder shape index)
        |> Option.defaultValue []
    | Row.LastUpsampling ->
        let stride = LayerText.size (List.head shape.Encoder).Stride

        text [
            $"TransConv: K={stride}, C={shape.Stem.Channels}, S={stride}"
            "Add: stem"
            LayerText.conv [ 3 ] shape.Stem.Channels (Size3.cube 1)
        ]
    | Row.Head ->
        text [
            if shape.Stem.Stride <> Size3.cube 1 then
                $"Trilinear: ×{LayerText.size shape.Stem.Stride}"
            $"Conv: K=1, C={classes}"
        ]
    | Row.DeepSupervision when cost.Network.DeepSupervision ->
        text [
            $"Conv: K=1, C={classes} on DS1–DS{shape.Decoder.Length}"
            "and on the last upsampling"
        ]
    | _ -> []
