/// The cost of a U-shape, row by row, under the names of the public code (uakhan17/Mamba3D-MedSeg).
[<RequireQualifiedAccess>]
module internal MedSegDsl.UShapeCost

let private transformer = "model.transformer"

let private position name (shape: UShape) (volume: VolumeShape) =
    match shape.PositionEmbedding with
    | PositionEmbedding.Absent -> Cost.Zero
    | PositionEmbedding.Learned ->
        Operation.parameters [ name, [ 1; int volume.Tokens; volume.Channels ] ]
        + Operation.keeps volume.Count

let private stem network (shape: UShape) (shapes: UShapeShapes) =
    Operation.keeps shapes.Input.Count
    + Operation.block
        network
        $"{transformer}.patch_embed0"
        (Size3.cube shape.Stem.Kernel)
        shapes.Input.Channels
        shapes.Stem

let private encoder network shape index (stage: EncoderStage) inChannels (volume: VolumeShape) =
    let number = index + 1
    let embed = $"{transformer}.patch_embed{number}"
    let block = $"{transformer}.block{number}"
    let position = position $"{transformer}.pos_embed{number}" shape volume

    let convolution name kernel =
        Operation.block network $"{embed}.{name}" (Size3.cube kernel) inChannels volume

    let chain block =
        MixerCost.chain network block stage.Depth stage.Mixer volume

    match stage.Embedding with
    | Embedding.Convolution kernel -> convolution "proj" kernel + position + chain block
    | Embedding.FusedBeforeMixers(kernels, fusion) ->
        List.sum [ for s, kernel in List.indexed kernels -> convolution $"proj_s{s}" kernel ]
        + Operation.fusion $"{embed}.fusion" fusion kernels.Length volume
        + position
        + chain block
    | Embedding.FusedAfterMixers(kernels, fusion) ->
        let scale s kernel =
            convolution $"proj_s{s}" kernel
            + { position with Parameters = [] }
            + chain $"{block}_s{s}"

        List.sum (List.mapi scale kernels)
        + { position with Kept = 0L }
        + Operation.fusion $"{block}_fusion" fusion kernels.Length volume

let private upsampling
    network
    (shape: UShape)
    index
    (stage: DecoderStage)
    stride
    inChannels
    (volume: VolumeShape)
    =
    let name = $"model.DecEmbed{index}"

    match stage.Upsampling with
    | Upsampling.Transposed ->
        Operation.transposed $"{name}.proj" true stride inChannels volume
        + Operation.keeps (
            match shape.PositionEmbedding with
            | PositionEmbedding.Learned -> 0L
            | PositionEmbedding.Absent -> volume.Count
        )
    | Upsampling.Trilinear ->
        Operation.keeps (int64 inChannels * volume.Tokens + volume.Count)
        + Operation.pointwise $"{name}.conv_channel_matcher" inChannels volume
        + Operation.block network $"{name}.conv_out" (Size3.cube 3) volume.Channels volume

let private decoder
    network
    (shape: UShape)
    index
    (stage: DecoderStage)
    stride
    inChannels
    (volume: VolumeShape)
    =
    let last = index = shape.Decoder.Length - 1

    upsampling network shape index stage stride inChannels volume
    + position $"model.DecPosEmbed{index}" shape volume
    + MixerCost.chain network $"model.Decblock{index}" stage.Depth stage.Mixer volume
    + if last then
          Operation.norm "model.norm" volume.Channels + Operation.keeps volume.Count
      else
          Cost.Zero

let private lastUpsampling network (shape: UShape) (shapes: UShapeShapes) =
    let inChannels = (List.head shapes.Encoder).Channels

    Operation.transposed
        "model.transposeconv_stage3"
        true
        (List.head shape.Encoder).Stride
        inChannels
        shapes.Stem
    + Operation.keeps shapes.Stem.Count
    + Operation.block network "model.stage3_de" (Size3.cube 3) shapes.Stem.Channels shapes.Stem

let private head (shapes: UShapeShapes) =
    Operation.keeps (int64 shapes.Stem.Channels * shapes.Output.Tokens + shapes.Output.Count)
    + Operation.pointwise "model.cls_conv" shapes.Stem.Channels shapes.Output

let private deepSupervision (shapes: UShapeShapes) =
    List.sum [
        for index, volume in List.indexed (shapes.Decoder @ [ shapes.Stem ]) do
            let map = {
                volume with
                    Channels = shapes.Output.Channels
            }

            Operation.pointwise $"model.ds{index}_cls_conv" volume.Channels map
            + Operation.keeps map.Count
    ]

/// The rows of a valid network that is this U-shape, for a patch that suits it.
let rows (patch: Size3, channels: int, classes: int) (network: Network) (shape: UShape) =
    let shapes = UShapeShapes.infer (patch, channels, classes) shape

    let row row output stride cost = {
        RowCost.Row = row
        Output = output
        Reduction = stride
        Cost = cost
    }

    let stemStride = shape.Stem.Stride

    let strides =
        (stemStride, shape.Encoder)
        ||> List.scan (fun total stage -> Size3.map2 (*) total stage.Stride)
        |> List.tail

    let lower = shapes.Stem :: shapes.Encoder
    let deep = shapes.Encoder |> List.rev

    [
        row Row.Stem shapes.Stem stemStride (stem network shape shapes)
        for i, stage in List.indexed shape.Encoder do
            let volume = shapes.Encoder[i]
            row (Row.Encoder i) volume strides[i] (encoder network shape i stage lower[i].Channels volume)
        for i, stage in List.indexed shape.Decoder do
            let skip = shape.Encoder.Length - 2 - i
            let stride = shape.Encoder[skip + 1].Stride
            let volume = shapes.Decoder[i]

            row
                (Row.Decoder i)
                volume
                strides[skip]
                (decoder network shape i stage stride deep[i].Channels volume)
        row Row.LastUpsampling shapes.Stem stemStride (lastUpsampling network shape shapes)
        row Row.Head shapes.Output (Size3.cube 1) (head shapes)
        if network.DeepSupervision then
            let largest = { shapes.Stem with Channels = classes }
            row Row.DeepSupervision largest stemStride (deepSupervision shapes)
    ]
