/// The cost of a SegFormer, row by row, under the names of the published code (OSUPCVLab/SegFormer3D).
[<RequireQualifiedAccess>]
module internal MedSegDsl.SegFormerCost

let private encoder = "model.segformer_encoder"
let private decoder = "model.segformer_decoder"

let private stage network index (stage: SegFormerStage) inChannels (volume: VolumeShape) =
    let number = index + 1

    Operation.convolution
        $"{encoder}.embed_{number}.patch_embeddings"
        true
        (Size3.cube stage.Kernel)
        1
        inChannels
        volume
    + Operation.norm $"{encoder}.embed_{number}.norm" volume.Channels
    + List.sum [
        for i in 0 .. stage.Depth - 1 ->
            MixerCost.layer network $"{encoder}.tf_block{number}.{i}" i stage.Mixer volume
    ]
    + Operation.norm $"{encoder}.norm{number}" volume.Channels
    // The convolution's result and those of both norms.
    + Operation.keeps (3L * volume.Count)

/// Each stage's volume projected and normed, interpolated to the first's size, joined and fused.
let private fusion network (shape: SegFormer) (volumes: VolumeShape array) =
    let fused = VolumeShape.create shape.DecoderChannels (Array.head volumes).Size
    let joined = shape.Stages.Length * fused.Channels

    List.sum [
        for i, volume in Seq.indexed volumes do
            let name = $"{decoder}.linear_c{i + 1}"

            Operation.linear $"{name}.proj" true volume.Channels fused.Channels volume.Tokens
            + Operation.norm $"{name}.bn" fused.Channels
            + Operation.keeps (volume.Tokens * int64 fused.Channels)
    ]
    + Operation.keeps (int64 joined * fused.Tokens)
    + Operation.normed
        network
        $"{decoder}.linear_fuse.0"
        $"{decoder}.linear_fuse.1"
        (Size3.cube 1)
        joined
        fused
    + Operation.keeps fused.Count
    + Operation.activation network fused

let private head (shape: SegFormer) (first: VolumeShape) (output: VolumeShape) =
    Operation.pointwise $"{decoder}.linear_pred" shape.DecoderChannels {
        first with
            Channels = output.Channels
    }
    + Operation.keeps output.Count

/// The rows of a valid network that is this SegFormer.
let rows (patch: Size3, channels: int, classes: int) (network: Network) (shape: SegFormer) =
    let volumes = SegFormerShapes.infer patch shape
    let inputs = channels :: [ for volume in volumes -> volume.Channels ]

    let strides =
        (Size3.cube 1, shape.Stages)
        ||> List.scan (fun total stage -> Size3.map2 (*) total stage.Stride)
        |> List.tail

    let first = Array.head volumes
    let input = VolumeShape.create channels patch
    let output = VolumeShape.create classes patch

    let row row output reduction cost = {
        RowCost.Row = row
        Output = output
        Reduction = reduction
        Cost = cost
    }

    [
        for i, part in List.indexed shape.Stages do
            let cost = stage network i part inputs[i] volumes[i]

            row
                (Row.Encoder i)
                volumes[i]
                strides[i]
                (if i = 0 then Operation.keeps input.Count + cost else cost)
        row
            (Row.Decoder 0)
            {
                first with
                    Channels = shape.DecoderChannels
            }
            (List.head strides)
            (fusion network shape volumes)
        row Row.Head output (Size3.cube 1) (head shape first output)
    ]
