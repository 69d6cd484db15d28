/// The cost of a CoTr, row by row, under the names of the published code (YtongXie/CoTr).
[<RequireQualifiedAccess>]
module internal MedSegDsl.CoTrCost

let private backbone = "U_ResTran3D.backbone"
let private decoder = "U_ResTran3D.decoder"
let private kernel = Size3.cube 3

let private stem network (shape: CoTr) (input: VolumeShape) (volume: VolumeShape) =
    Operation.keeps input.Count
    + Operation.normed
        network
        $"{backbone}.conv1"
        $"{backbone}.norm1"
        (Size3.cube shape.Stem.Kernel)
        input.Channels
        volume
    + Operation.keeps volume.Count
    + Operation.activation network volume

/// Kept of each layer: the convolution's result (and that of the shortcut), the activated sum.
let private stage network index (stage: CoTrStage) inChannels (volume: VolumeShape) =
    List.sum [
        for i in 0 .. stage.Depth - 1 do
            let name = $"{backbone}.layer{index + 1}.{i}"
            let channels = if i = 0 then inChannels else volume.Channels

            Operation.normed network $"{name}.conv1" $"{name}.norm1" kernel channels volume
            + Operation.keeps volume.Count
            + Operation.activation network volume

            if i = 0 then
                Operation.normed
                    network
                    $"{name}.downsample.0"
                    $"{name}.downsample.1"
                    (Size3.cube 1)
                    channels
                    volume
    ]

let private transformer (shape: CoTr) (volumes: VolumeShape list) =
    let seen = List.skip (volumes.Length - shape.Levels) volumes
    let channels = (List.last seen).Channels
    let tokens = seen |> List.sumBy _.Tokens
    let name = $"{decoder}.encoder_Detrans"

    Operation.parameters [ $"{name}.level_embed", [ shape.Levels; channels ] ]
    + List.sum [
        for i in 0 .. shape.Layers - 1 ->
            AttentionCost.deformable $"{name}.encoder.layers.{i}" shape.Attention channels shape.Levels tokens
    ]

let private upwards network level stride (deep: VolumeShape) (volume: VolumeShape) =
    let name = $"{decoder}.stage{level}_de"

    Operation.transposed $"{decoder}.transposeconv_stage{level}" false stride deep.Channels volume
    + Operation.block network $"{name}.resconv1" kernel volume.Channels volume
    + Operation.block network $"{name}.resconv2" kernel volume.Channels volume
    // The sum with the skip, and that around the blocks.
    + Operation.keeps (2L * volume.Count)

let private deepSupervision classes (volumes: VolumeShape list) =
    List.sum [
        for level, volume in List.indexed volumes do
            let map = { volume with Channels = classes }

            Operation.pointwise $"{decoder}.ds{level}_cls_conv" volume.Channels map
            + Operation.keeps map.Count
    ]

/// The rows of a valid network that is this CoTr, for a patch that suits it.
let rows (patch: Size3, channels: int, classes: int) (network: Network) (shape: CoTr) =
    let volumes = CoTrShapes.infer patch shape
    let reductions = CoTrShapes.reductions shape
    let first, lowest = List.head volumes, shape.Encoder.Length
    let input = VolumeShape.create channels patch
    let output = VolumeShape.create classes patch

    let row row output reduction cost = {
        RowCost.Row = row
        Output = output
        Reduction = reduction
        Cost = cost
    }

    [
        row Row.Stem first reductions[0] (stem network shape input first)
        for i, part in List.indexed shape.Encoder do
            row
                (Row.Encoder i)
                volumes[i + 1]
                reductions[i + 1]
                (stage network i part volumes[i].Channels volumes[i + 1])
        row Row.Bridge volumes[lowest] reductions[lowest] (transformer shape volumes)
        for i in 0 .. lowest - 1 do
            let level = lowest - 1 - i

            row
                (if level = 0 then Row.LastUpsampling else Row.Decoder i)
                volumes[level]
                reductions[level]
                (upwards network level shape.Encoder[level].Stride volumes[level + 1] volumes[level])
        row
            Row.Head
            output
            (Size3.cube 1)
            (Operation.pointwise $"{decoder}.cls_conv" first.Channels { output with Size = first.Size }
             + Operation.keeps output.Count)
        if network.DeepSupervision then
            let maps = List.take lowest volumes

            row
                Row.DeepSupervision
                { first with Channels = classes }
                reductions[0]
                (deepSupervision classes maps)
    ]
