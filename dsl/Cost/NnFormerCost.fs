/// The cost of an nnFormer, row by row, under the names of the public code (282857341/nnFormer).
[<RequireQualifiedAccess>]
module internal MedSegDsl.NnFormerCost

let private convolution name inChannels (output: VolumeShape) =
    Operation.convolution name true (Size3.cube 3) 1 inChannels output
    + Operation.keeps output.Count

/// GELU and layer norm: both keep what they make.
let private activated name (volume: VolumeShape) =
    Operation.norm name volume.Channels + Operation.keeps (2L * volume.Count)

let private embedding (shapes: NnFormerShapes) =
    let name = "model_down.patch_embed"
    let half, full = shapes.Half, List.head shapes.Stages

    Operation.keeps shapes.Input.Count
    + convolution $"{name}.proj1.conv1" shapes.Input.Channels half
    + activated $"{name}.proj1.norm1" half
    + convolution $"{name}.proj1.conv2" half.Channels half
    + activated $"{name}.proj1.norm2" half
    + convolution $"{name}.proj2.conv1" half.Channels full
    + activated $"{name}.proj2.norm1" full
    + convolution $"{name}.proj2.conv2" full.Channels full
    + Operation.norm $"{name}.norm" full.Channels
    + Operation.keeps full.Count

let private layers network name first depth mixer volume =
    List.sum [
        for index in first .. first + depth - 1 ->
            MixerCost.layer network $"{name}.{index}" index mixer volume
    ]

let private encoder network index (stage: PyramidStage) (volume: VolumeShape) (next: VolumeShape option) =
    let name = $"model_down.layers.{index}"

    layers network $"{name}.blocks" 0 stage.Depth stage.Mixer volume
    + Operation.norm $"model_down.norm{index}" volume.Channels
    + Operation.keeps volume.Count
    + match next with
      | None -> Cost.Zero
      | Some next ->
          activated $"{name}.downsample.norm" volume
          + convolution $"{name}.downsample.reduction" volume.Channels next

let private decoder network level (stage: SkipAttentionStage) (volume: VolumeShape) (deep: VolumeShape) =
    let name = $"decoder.layers.{level}"

    Operation.norm $"{name}.Upsample.norm" deep.Channels
    + Operation.keeps deep.Count
    + Operation.transposed $"{name}.Upsample.up" true (Size3.cube 2) deep.Channels volume
    + Operation.keeps volume.Count
    + MixerCost.skipAttention $"{name}.blocks.0" stage.Attention volume
    + layers network $"{name}.blocks" 1 stage.Depth stage.Mixer volume

let private head former level (volume: VolumeShape) (map: VolumeShape) =
    Operation.transposed $"final.{level}.up" true (NnFormerShapes.tokenSize former) volume.Channels map
    + Operation.keeps map.Count

/// The rows of a valid network that is this nnFormer, for a patch that suits it.
let rows (patch: Size3, channels: int, classes: int) (network: Network) (former: NnFormer) =
    let shapes = NnFormerShapes.infer (patch, channels, classes) former
    let stages = shapes.Stages

    let row row (output: VolumeShape) cost = {
        RowCost.Row = row
        Output = output
        Reduction = Size3.map2 (/) patch output.Size
        Cost = cost
    }

    let heads = [
        for level, map in List.indexed shapes.Maps -> map, head former level stages[level] map
    ]

    [
        row Row.Stem stages[0] (embedding shapes)
        for index, stage in List.indexed former.Encoder do
            row
                (Row.Encoder index)
                stages[index]
                (encoder network index stage stages[index] (List.tryItem (index + 1) stages))
        for index, stage in List.indexed former.Decoder do
            let level = former.Decoder.Length - 1 - index

            row
                (Row.Decoder index)
                stages[level]
                (decoder network level stage stages[level] stages[level + 1])
        row Row.Head shapes.Maps[0] (snd heads[0])
        if network.DeepSupervision && heads.Length > 1 then
            row Row.DeepSupervision shapes.Maps[1] (heads |> List.tail |> List.sumBy snd)
    ]
