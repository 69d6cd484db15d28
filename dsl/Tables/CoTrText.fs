/// The words for the rows of a CoTr.
[<RequireQualifiedAccess>]
module internal MedSegDsl.CoTrText

let private text lines = List.map TableLine.Text lines

let private stage (stage: CoTrStage) = [
    TableLine.Repeated([ LayerText.conv [ 3 ] stage.Channels (Size3.cube 1); "Add: input" ], stage.Depth)
    TableLine.Text $"First with S={LayerText.size stage.Stride}"
]

let private transformer (shape: CoTr) channels = [
    TableLine.Text $"Together: ES{shape.Encoder.Length - shape.Levels + 1}–ES{shape.Encoder.Length}"
    LayerText.layers channels shape.Layers (Mixer.DeformableAttention shape.Attention)
]

let private upwards (shape: CoTr) level =
    let stride = LayerText.size shape.Encoder[level].Stride

    let channels, skip =
        if level = 0 then
            shape.Stem.Channels, "stem"
        else
            shape.Encoder[level - 1].Channels, Row.title (Row.Encoder(level - 1))

    text [
        $"TransConv: K={stride}, C={channels}, S={stride}"
        $"Add: {skip}"
        LayerText.conv [ 3 ] channels (Size3.cube 1)
        LayerText.conv [ 3 ] channels (Size3.cube 1)
        "Add: input"
    ]

/// What a CoTr has in a row; nothing where it has no such row.
let configuration (cost: NetworkCost) (shape: CoTr) row =
    let classes = cost.Output.Channels
    let lowest = shape.Encoder.Length

    match row with
    | Row.Stem -> text [ LayerText.conv [ shape.Stem.Kernel ] shape.Stem.Channels shape.Stem.Stride ]
    | Row.Encoder index ->
        shape.Encoder
        |> List.tryItem index
        |> Option.map stage
        |> Option.defaultValue []
    | Row.Bridge -> transformer shape (List.last shape.Encoder).Channels
    | Row.Decoder index when index < lowest - 1 -> upwards shape (lowest - 1 - index)
    | Row.LastUpsampling -> upwards shape 0
    | Row.Head ->
        text [
            if shape.Stem.Stride <> Size3.cube 1 then
                $"Trilinear: ×{LayerText.size shape.Stem.Stride}"
            $"Conv: K=1, C={classes}"
        ]
    | Row.DeepSupervision when cost.Network.DeepSupervision ->
        text [ $"Conv: K=1, C={classes} on every stage"; "of the decoder" ]
    | _ -> []
