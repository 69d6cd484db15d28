/// The words for the rows of a SegFormer.
[<RequireQualifiedAccess>]
module internal MedSegDsl.SegFormerText

let private stage (stage: SegFormerStage) = [
    TableLine.Text(LayerText.conv [ stage.Kernel ] stage.Channels stage.Stride)
    TableLine.Text "LayerNorm"
    LayerText.layers stage.Channels stage.Depth stage.Mixer
    TableLine.Text "LayerNorm"
]

/// What a SegFormer has in a row; nothing where it has no such row.
let configuration (cost: NetworkCost) (shape: SegFormer) row =
    match row with
    | Row.Encoder index -> shape.Stages |> List.tryItem index |> Option.map stage |> Option.defaultValue []
    | Row.Decoder 0 -> [
        TableLine.Text $"Linear: C={shape.DecoderChannels} on ES1–ES{shape.Stages.Length}"
        TableLine.Text $"Trilinear: to {Row.title (Row.Encoder 0)}"
        TableLine.Text $"Fuse: {LayerText.fusion Fusion.Concatenation}"
      ]
    | Row.Head -> [
        TableLine.Text $"Conv: K=1, C={cost.Output.Channels}"
        TableLine.Text $"Trilinear: ×{LayerText.size (List.head shape.Stages).Stride}"
      ]
    | _ -> []
