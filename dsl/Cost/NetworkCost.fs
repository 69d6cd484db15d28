namespace MedSegDsl

/// A row of a network's architecture.
[<RequireQualifiedAccess>]
type Row =
    | Stem
    /// Encoder stage, from 0 (ES1).
    | Encoder of index: int
    /// Decoder stage, from 0 (DS1).
    | Decoder of index: int
    /// The transposed convolution back to the stem's resolution.
    | LastUpsampling
    /// Upsampling by the stem's stride and the classifier.
    | Head
    /// The classifiers of the lower resolutions.
    | DeepSupervision

/// What a row of the architecture makes and costs.
type RowCost = {
    Row: Row
    /// The volume that the row ends in; for deep supervision the largest of its maps.
    Output: VolumeShape
    /// The input's size over the output's, along each axis.
    Reduction: Size3
    Cost: Cost
}

/// What a network makes of a patch and costs, row by row.
type NetworkCost = {
    Network: Network
    Shapes: Shapes
    Rows: RowCost list
} with

    /// All rows together.
    member cost.Total = cost.Rows |> List.sumBy _.Cost

/// Costs from definitions: nothing is built.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module NetworkCost =
    let private transformer = "model.transformer"

    let private position name network (volume: VolumeShape) =
        match network.PositionEmbedding with
        | PositionEmbedding.Absent -> Cost.Zero
        | PositionEmbedding.Learned ->
            Operation.parameters [ name, [ 1; int volume.Tokens; volume.Channels ] ]
            + Operation.keeps volume.Count

    let private stem (network: Network) (shapes: Shapes) =
        Operation.keeps shapes.Input.Count
        + Operation.block
            $"{transformer}.patch_embed0"
            network.Stem.Kernel
            network.Activation
            shapes.Input.Channels
            shapes.Stem

    let private encoder (network: Network) index (stage: EncoderStage) inChannels (volume: VolumeShape) =
        let number = index + 1
        let embed = $"{transformer}.patch_embed{number}"
        let block = $"{transformer}.block{number}"
        let position = position $"{transformer}.pos_embed{number}" network volume

        let convolution name kernel =
            Operation.block $"{embed}.{name}" kernel network.Activation inChannels volume

        let chain block =
            MixerCost.chain network.Activation block stage.Depth stage.Mixer volume

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

    let private upsampling network index (stage: DecoderStage) stride inChannels (volume: VolumeShape) =
        let name = $"model.DecEmbed{index}"

        match stage.Upsampling with
        | Upsampling.Transposed ->
            Operation.transposed $"{name}.proj" stride inChannels volume
            + Operation.keeps (
                match network.PositionEmbedding with
                | PositionEmbedding.Learned -> 0L
                | PositionEmbedding.Absent -> volume.Count
            )
        | Upsampling.Trilinear ->
            Operation.keeps (int64 inChannels * volume.Tokens + volume.Count)
            + Operation.pointwise $"{name}.conv_channel_matcher" inChannels volume
            + Operation.block $"{name}.conv_out" 3 network.Activation volume.Channels volume

    let private decoder
        (network: Network)
        index
        (stage: DecoderStage)
        stride
        inChannels
        (volume: VolumeShape)
        =
        let last = index = network.Decoder.Length - 1

        upsampling network index stage stride inChannels volume
        + position $"model.DecPosEmbed{index}" network volume
        + MixerCost.chain network.Activation $"model.Decblock{index}" stage.Depth stage.Mixer volume
        + if last then
              Operation.norm "model.norm" volume.Channels + Operation.keeps volume.Count
          else
              Cost.Zero

    let private lastUpsampling (network: Network) (shapes: Shapes) =
        let inChannels = (List.head shapes.Encoder).Channels

        Operation.transposed
            "model.transposeconv_stage3"
            (List.head network.Encoder).Stride
            inChannels
            shapes.Stem
        + Operation.keeps shapes.Stem.Count
        + Operation.block "model.stage3_de" 3 network.Activation shapes.Stem.Channels shapes.Stem

    let private head (shapes: Shapes) =
        Operation.keeps (int64 shapes.Stem.Channels * shapes.Output.Tokens + shapes.Output.Count)
        + Operation.pointwise "model.cls_conv" shapes.Stem.Channels shapes.Output

    let private deepSupervision (shapes: Shapes) =
        List.sum [
            for index, volume in List.indexed (shapes.Decoder @ [ shapes.Stem ]) do
                let map = {
                    volume with
                        Channels = shapes.Output.Channels
                }

                Operation.pointwise $"model.ds{index}_cls_conv" volume.Channels map
                + Operation.keeps map.Count
        ]

    let private rows (patch: Size3, channels: int, classes: int) (network: Network) =
        let shapes = Shapes.infer (patch, channels, classes) network

        let row row output stride cost = {
            RowCost.Row = row
            Output = output
            Reduction = stride
            Cost = cost
        }

        let stemStride = network.Stem.Stride

        let strides =
            (stemStride, network.Encoder)
            ||> List.scan (fun total stage -> Size3.map2 (*) total stage.Stride)
            |> List.tail

        let lower = shapes.Stem :: shapes.Encoder
        let deep = shapes.Encoder |> List.rev

        {
            Network = network
            Shapes = shapes
            Rows = [
                row Row.Stem shapes.Stem stemStride (stem network shapes)
                for i, stage in List.indexed network.Encoder do
                    row
                        (Row.Encoder i)
                        shapes.Encoder[i]
                        strides[i]
                        (encoder network i stage lower[i].Channels shapes.Encoder[i])
                for i, stage in List.indexed network.Decoder do
                    let skip = network.Encoder.Length - 2 - i

                    row
                        (Row.Decoder i)
                        shapes.Decoder[i]
                        strides[skip]
                        (decoder
                            network
                            i
                            stage
                            network.Encoder[skip + 1].Stride
                            deep[i].Channels
                            shapes.Decoder[i])
                row Row.LastUpsampling shapes.Stem stemStride (lastUpsampling network shapes)
                row Row.Head shapes.Output (Size3.cube 1) (head shapes)
                if network.DeepSupervision then
                    let largest = { shapes.Stem with Channels = classes }
                    row Row.DeepSupervision largest stemStride (deepSupervision shapes)
            ]
        }

    /// The network's rows for a patch (voxels), image channels and classes, background included; or everything wrong
    /// with it for these.
    let ofNetwork
        (patch: Size3, channels: int, classes: int)
        (network: Network)
        : Result<NetworkCost, DslError list> =
        network
        |> Network.validateFor (patch, channels, classes)
        |> Result.map (rows (patch, channels, classes))

    /// The network's learned tensors for a patch, under their names in the published state dicts; or everything wrong
    /// with it. The patch gives the length of the position embeddings.
    let parameters
        (patch: Size3, channels: int, classes: int)
        (network: Network)
        : Result<Parameter list, DslError list> =
        ofNetwork (patch, channels, classes) network |> Result.map _.Total.Parameters
