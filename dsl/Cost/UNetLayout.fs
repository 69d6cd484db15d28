namespace MedSegDsl

/// The kinds of blocks in a U-Net.
[<RequireQualifiedAccess>]
type UNetBlockKind =
    /// Convolution → norm → activation.
    | Plain
    /// Two convolutions with norms; the skip has average pooling and a 1×1×1 convolution with norm where size and channels
    /// change (BasicBlockD of MIC-DKFZ/dynamic-network-architectures).
    | Residual
    /// Two convolutions with norms; the skip is a strided 1×1×1 convolution without norm (BasicResBlock of U-Mamba).
    | Projected

/// A block of a U-Net in its place.
type UNetBlock = {
    /// In the published state dict.
    Name: string
    Kind: UNetBlockKind
    /// Channels that come in.
    Inputs: int
    Kernel: Size3
    Stride: Size3
    Output: VolumeShape
}

/// A layer of a U-Net in its place.
type UNetLayer = {
    /// In the published state dict, where one has it.
    Name: string
    Mixer: Mixer
    /// Its place among the stage's layers, from 0.
    Index: int
    Volume: VolumeShape
}

/// How a decoder stage doubles the resolution.
type UNetUpsampling = {
    /// In the published state dict.
    Name: string
    /// A transposed convolution of kernel = stride; else a 1×1×1 convolution and nearest neighbours.
    IsTransposed: bool
    Stride: Size3
    Inputs: int
    Output: VolumeShape
}

/// An encoder stage.
type UNetEncoderPlace = {
    Blocks: UNetBlock list
    Layers: UNetLayer list
    Output: VolumeShape
    /// The input's size over the stage's, along each axis.
    Reduction: Size3
}

/// A decoder stage. Its blocks read the upsampled volume and the skip, joined along channels.
type UNetDecoderPlace = {
    Upsampling: UNetUpsampling
    Blocks: UNetBlock list
    Layers: UNetLayer list
    /// The name of its classifier, a 1×1×1 convolution.
    Head: string
    Output: VolumeShape
    Reduction: Size3
}

/// Every block, layer and volume of a U-Net, under the names of the published code.
type UNetLayout = {
    Input: VolumeShape
    Stem: UNetBlock list
    /// From the highest resolution to the lowest.
    Encoder: UNetEncoderPlace list
    /// From the lowest resolution upwards.
    Decoder: UNetDecoderPlace list
}

/// From definitions to layouts.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module UNetLayout =
    /// The first block has the stage's stride and takes its channels from below.
    let private chain kindOf nameOf count inputs kernel stride (output: VolumeShape) = [
        for index in 0 .. count - 1 ->
            {
                UNetBlock.Name = nameOf index
                Kind = kindOf index
                Inputs = if index = 0 then inputs else output.Channels
                Kernel = kernel
                Stride = if index = 0 then stride else Size3.cube 1
                Output = output
            }
    ]

    let private umambaKind index =
        if index = 0 then
            UNetBlockKind.Projected
        else
            UNetBlockKind.Residual

    let private kindInEncoder =
        function
        | UNetEncoder.Plain -> fun _ -> UNetBlockKind.Plain
        | UNetEncoder.Residual -> fun _ -> UNetBlockKind.Residual
        | UNetEncoder.UMamba -> umambaKind

    let private nameInEncoder stage index =
        function
        | UNetEncoder.Plain -> $"encoder.stages.{stage}.0.convs.{index}"
        | UNetEncoder.Residual -> $"encoder.stages.{stage}.blocks.{index}"
        | UNetEncoder.UMamba -> $"encoder.stages.{stage}.{index}"

    let private stem (net: UNet) (first: UNetStage) inputs output =
        let one = Size3.cube 1

        match net.Encoder with
        | UNetEncoder.Plain -> []
        | UNetEncoder.Residual ->
            chain
                (fun _ -> UNetBlockKind.Plain)
                (fun _ -> "encoder.stem.convs.0")
                1
                inputs
                first.Kernel
                one
                output
        | UNetEncoder.UMamba ->
            chain umambaKind (fun b -> $"encoder.stem.{b}") first.Blocks inputs first.Kernel one output

    /// U-Mamba's own names where its layers stand as it has them: after every encoder stage (Enc), or after the last (Bot).
    let private nameOfEncoderLayer (net: UNet) stage index =
        match net.EncoderLayers with
        | [ {
                Depth = 1
                Mixer = Mixer.UMamba _
                InPlaceOfBlocks = false
                Stages = stages
            } ] when stages = StageSet.All || stages = StageSet.Lowest 1 ->
            if stages = StageSet.All then
                $"encoder.mamba_layers.{stage}"
            else
                "mamba_layer"
        | _ -> $"encoder.layers.{stage}.{index}"

    /// The groups of layers that a stage has.
    let private groupsIn below count (groups: StageLayers list) =
        groups |> List.filter (fun group -> StageSet.contains below count group.Stages)

    let private layers nameOf (groups: StageLayers list) volume = [
        let mixers = [
            for group in groups do
                for _ in 1 .. group.Depth -> group.Mixer
        ]

        for index, mixer in List.indexed mixers ->
            {
                UNetLayer.Name = nameOf index
                Mixer = mixer
                Index = index
                Volume = volume
            }
    ]

    let private blocksBeside (groups: StageLayers list) blocks =
        if groups |> List.exists _.InPlaceOfBlocks then
            1
        else
            blocks

    let private encoder (net: UNet) (sizes: UNetSizes) (input: VolumeShape) inputs =
        let count = sizes.Encoder.Length

        let place (below: UNetEncoderPlace, index) (stage: UNetStage) =
            let output =
                VolumeShape.create stage.Channels (VolumeShape.strided below.Output.Size stage.Stride)

            let groups = groupsIn index count net.EncoderLayers

            {
                Blocks =
                    chain
                        (kindInEncoder net.Encoder)
                        (fun b -> nameInEncoder index b net.Encoder)
                        (blocksBeside groups stage.Blocks)
                        below.Output.Channels
                        stage.Kernel
                        stage.Stride
                        output
                Layers = layers (nameOfEncoderLayer net index) groups output
                Output = output
                Reduction = Size3.map2 (*) below.Reduction stage.Stride
            },
            index + 1

        let before = {
            Blocks = []
            Layers = []
            Output = VolumeShape.create inputs input.Size
            Reduction = Size3.cube 1
        }

        ((before, 0), sizes.Encoder) ||> List.scan place |> List.tail |> List.map fst

    let private decoder (net: UNet) (sizes: UNetSizes) (encoder: UNetEncoderPlace list) =
        let count = sizes.Decoder.Length

        let place index blocks =
            let deep = encoder[count - index]
            let skip = encoder[count - 1 - index]
            let groups = groupsIn (count - 1 - index) count net.DecoderLayers
            let isPlain = (net.Decoder = UNetDecoder.Plain)

            {
                Upsampling = {
                    Name =
                        if isPlain then
                            $"decoder.transpconvs.{index}"
                        else
                            $"decoder.upsample_layers.{index}.conv"
                    IsTransposed = isPlain
                    Stride = sizes.Encoder[count - index].Stride
                    Inputs = deep.Output.Channels
                    Output = skip.Output
                }
                Blocks =
                    chain
                        (if isPlain then fun _ -> UNetBlockKind.Plain else umambaKind)
                        (fun b ->
                            if isPlain then
                                $"decoder.stages.{index}.convs.{b}"
                            else
                                $"decoder.stages.{index}.{b}")
                        (blocksBeside groups blocks)
                        (2 * skip.Output.Channels)
                        sizes.Encoder[count - 1 - index].Kernel
                        (Size3.cube 1)
                        skip.Output
                Layers = layers (fun l -> $"decoder.layers.{index}.{l}") groups skip.Output
                Head = $"decoder.seg_layers.{index}"
                Output = skip.Output
                Reduction = skip.Reduction
            }

        List.mapi place sizes.Decoder

    /// The layout of a valid U-Net with these sizes, for a patch (voxels) and image channels.
    let infer (patch: Size3, channels: int) (net: UNet) (sizes: UNetSizes) : UNetLayout =
        let input = VolumeShape.create channels patch
        let first = List.head sizes.Encoder
        let stem = stem net first channels (VolumeShape.create first.Channels patch)

        let inputs =
            match stem with
            | [] -> channels
            | blocks -> (List.last blocks).Output.Channels

        let encoder = encoder net sizes input inputs

        {
            Input = input
            Stem = stem
            Encoder = encoder
            Decoder = decoder net sizes encoder
        }
