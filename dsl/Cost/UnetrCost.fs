/// The cost of a UNETR, row by row, under the names of the published code. A decoder's row has the blocks that make its
/// skip; the row of the lowest stage has those in front of the decoder.
[<RequireQualifiedAccess>]
module internal MedSegDsl.UnetrCost

/// Two convolutions and, where the channels change, a third around them. Each norm keeps what it reads; the first
/// activation and the sum's keep theirs.
let private residual network name inChannels (output: VolumeShape) =
    let convolution number kernel inChannels =
        Operation.convolution $"{name}.conv{number}.conv" false (Size3.cube kernel) 1 inChannels output
        + Operation.blockNorm network $"{name}.norm{number}" output.Channels

    convolution 1 3 inChannels
    + convolution 2 3 output.Channels
    + Operation.keeps (2L * Operation.blockVolumes network * output.Count)
    + if inChannels = output.Channels then
          Cost.Zero
      else
          convolution 3 1 inChannels + Operation.keeps output.Count

let private doubling name inChannels (output: VolumeShape) =
    Operation.transposed $"{name}.conv" false (Size3.cube 2) inChannels output
    + Operation.keeps output.Count

let private skip network (level: UnetrLevel) =
    let channels = level.Source.Channels

    match level.Skip with
    | UnetrSkip.Direct -> Cost.Zero
    | UnetrSkip.Residual block -> residual network $"{block}.layer" channels level.Output
    | UnetrSkip.Projected(block, doublings) ->
        let volume index =
            VolumeShape.create
                level.Output.Channels
                (Size3.map2 (*) level.Source.Size (Size3.cube (pown 2 index)))

        doubling $"{block}.transp_conv_init" channels (volume 1)
        + List.sum [
            for index in 2..doublings do
                let name = $"{block}.blocks.{index - 2}"
                let output = volume index
                doubling $"{name}.0" output.Channels output
                residual network $"{name}.1" output.Channels output
        ]

let private decoder network (level: UnetrLevel) deepChannels =
    let output = level.Output

    skip network level
    + doubling $"{level.Decoder}.transp_conv" deepChannels output
    // The skip's half of what is joined.
    + Operation.keeps output.Count
    + residual network $"{level.Decoder}.conv_block" (2 * output.Channels) output

let private chain network name depth mixer volume =
    List.sum [
        for index in 0 .. depth - 1 -> MixerCost.layer network $"{name}.{index}" index mixer volume
    ]

let private column network (input: VolumeShape) name (column: TokenColumn) (tokens: VolumeShape) =
    let positions =
        match column.PositionEmbedding with
        | PositionEmbedding.Absent -> Cost.Zero
        | PositionEmbedding.Learned ->
            Operation.parameters [
                $"{name}.patch_embedding.position_embeddings", [ 1; int tokens.Tokens; tokens.Channels ]
            ]

    let cubes =
        Operation.convolution
            $"{name}.patch_embedding.patch_embeddings"
            true
            (Size3.cube column.TokenSize)
            1
            input.Channels
            tokens

    let layers =
        chain network $"{name}.blocks" column.Depth column.Mixer tokens
        + Operation.norm $"{name}.norm" tokens.Channels
        + Operation.keeps tokens.Count

    Operation.keeps (input.Count + tokens.Count) + positions + cubes, [ layers ]

let private windows network (input: VolumeShape) name (pyramid: WindowPyramid) (volumes: VolumeShape list) =
    let first = List.head volumes
    let normalised = if pyramid.NormalisedSkips then 1L else 0L

    let stem =
        Operation.keeps input.Count
        + Operation.convolution $"{name}.patch_embed.proj" true (Size3.cube 2) 1 input.Channels first
        + Operation.keeps ((1L + normalised) * first.Count)

    let stage index (stage: PyramidStage) (volume: VolumeShape) =
        let layers = $"{name}.layers{index + 1}.0"
        let c = volume.Channels
        let merged = (volume.Tokens + 7L) / 8L

        let block =
            if pyramid.ResidualBlocks then
                residual network $"{name}.layers{index + 1}c.0.layer" c volume
            else
                Cost.Zero

        block
        + chain network $"{layers}.blocks" stage.Depth stage.Mixer volume
        + Operation.linear $"{layers}.downsample.reduction" false (8 * c) (2 * c) merged
        + Operation.norm $"{layers}.downsample.norm" (8 * c)
        // The joined neighbours, their norm's result, what the linear layer makes and its normalised copy.
        + Operation.keeps (merged * int64 c * (16L + 2L * (1L + normalised)))

    stem, List.mapi2 stage pyramid.Stages volumes

let private convolutions
    network
    (input: VolumeShape)
    name
    (pyramid: ConvolutionPyramid)
    (volumes: VolumeShape list)
    =
    let norm name (volume: VolumeShape) =
        Operation.keeps volume.Count
        + match pyramid.Norm with
          | PyramidNorm.Layer -> Operation.norm name volume.Channels
          | PyramidNorm.Instance -> Cost.Zero

    let descent index kernel inChannels (volume: VolumeShape) =
        let position = if index = 0 then 0 else 1

        Operation.convolution
            $"{name}.downsample_layers.{index}.{position}"
            true
            (Size3.cube kernel)
            1
            inChannels
            volume
        + Operation.keeps volume.Count

    let first = List.head volumes

    let stem =
        Operation.keeps input.Count
        + descent 0 pyramid.StemKernel input.Channels first
        + match pyramid.Norm with
          | PyramidNorm.Layer -> norm $"{name}.downsample_layers.0.1" first
          | PyramidNorm.Instance -> Cost.Zero

    /// Each of four convolutions keeps its result and the rectified norm of it; the two branches' sum.
    let gate index (volume: VolumeShape) =
        let convolution number kernel =
            Operation.convolution
                $"{name}.gscs.{index}.proj{number}"
                true
                (Size3.cube kernel)
                1
                volume.Channels
                volume

        convolution "" 3
        + convolution "2" 3
        + convolution "3" 1
        + convolution "4" 1
        + Operation.keeps (9L * volume.Count)

    let feedForward index (volume: VolumeShape) =
        let hidden = {
            volume with
                Channels = 2 * volume.Channels
        }

        Operation.pointwise $"{name}.mlps.{index}.fc1" volume.Channels hidden
        + Operation.pointwise $"{name}.mlps.{index}.fc2" hidden.Channels volume
        + Operation.keeps (2L * hidden.Count + volume.Count)

    let stage index (stage: PyramidStage) (volume: VolumeShape) =
        List.sum [
            if index > 0 then
                let before = volumes[index - 1]
                norm $"{name}.downsample_layers.{index}.0" before
                descent index 2 before.Channels volume
            if pyramid.GatedConvolution then
                gate index volume
            chain network $"{name}.stages.{index}" stage.Depth stage.Mixer volume
            norm $"{name}.norm{index}" volume
            if pyramid.SkipFeedForward then
                feedForward index volume
        ]

    stem, List.mapi2 stage pyramid.Stages volumes

let private head network (unetr: Unetr) (shapes: UnetrShapes) =
    let last = VolumeShape.create unetr.Channels shapes.Output.Size

    Operation.pointwise "out.conv.conv" last.Channels shapes.Output
    + Operation.keeps shapes.Output.Count
    + if shapes.ClosingBlock then
          residual network $"{UnetrShapes.closingBlock}.layer" last.Channels last
      else
          Cost.Zero

/// The rows of a valid network that is this UNETR, for a patch that suits it.
let rows (patch: Size3, channels: int, classes: int) (network: Network) (unetr: Unetr) =
    let shapes = UnetrShapes.infer (patch, channels, classes) unetr
    let name = shapes.EncoderName

    let row row (output: VolumeShape) cost = {
        RowCost.Row = row
        Output = output
        Reduction = Size3.map2 (/) patch output.Size
        Cost = cost
    }

    let stem, stages =
        match unetr.Encoder with
        | UnetrEncoder.Column value -> column network shapes.Input name value (List.head shapes.Stages)
        | UnetrEncoder.Windows value -> windows network shapes.Input name value shapes.Stages
        | UnetrEncoder.Convolutions value -> convolutions network shapes.Input name value shapes.Stages

    let lowest = stages.Length - 1
    let deeper = List.tail shapes.Levels @ [ shapes.Bottom ]

    [
        row Row.Stem (List.head shapes.Stages) stem
        for index, stage in List.indexed stages do
            let output, cost =
                if index < lowest then
                    shapes.Stages[index], stage
                else
                    shapes.Bottom.Output, stage + skip network shapes.Bottom

            row (Row.Encoder index) output cost
        for index, (level, deep) in List.indexed (List.rev (List.zip shapes.Levels deeper)) do
            row (Row.Decoder index) level.Output (decoder network level deep.Output.Channels)
        row Row.Head shapes.Output (head network unetr shapes)
    ]
