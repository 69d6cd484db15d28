/// The cost of a MedNeXt, row by row, under the names of the published code (MIC-DKFZ/MedNeXt).
[<RequireQualifiedAccess>]
module internal MedSegDsl.MedNeXtCost

let private layers network name depth mixer volume =
    List.sum [
        for i in 0 .. depth - 1 -> MixerCost.layer network $"{name}.{i}" i mixer volume
    ]

let private stem network (shape: MedNeXt) (input: VolumeShape) (volume: VolumeShape) =
    Operation.keeps (input.Count + volume.Count)
    + Operation.pointwise "stem" input.Channels volume
    // What the published code hands to its checkpointing.
    + Operation.parameters [ "dummy_tensor", [ 1 ] ]
    + layers network "enc_block_0" shape.Depth shape.Mixer volume

let private map classes level (volume: VolumeShape) =
    Operation.transposedPointwise $"out_{level}" volume.Channels classes volume.Tokens
    + Operation.keeps (int64 classes * volume.Tokens)

/// The rows of a valid network that is this MedNeXt, for a patch that suits it.
let rows (patch: Size3, channels: int, classes: int) (network: Network) (shape: MedNeXt) =
    let volumes = MedNeXtShapes.infer patch shape
    let lowest = shape.Encoder.Length
    let input = VolumeShape.create channels patch

    let row row (output: VolumeShape) level cost = {
        RowCost.Row = row
        Output = output
        Reduction = Size3.cube (1 <<< level)
        Cost = cost
    }

    [
        row Row.Stem volumes[0] 0 (stem network shape input volumes[0])
        for i, stage in List.indexed shape.Encoder do
            let level = i + 1

            let name =
                if level = lowest then
                    "bottleneck"
                else
                    $"enc_block_{level}"

            row
                (Row.Encoder i)
                volumes[level]
                level
                (MedNeXtBlockCost.down network $"down_{i}" stage.Resampling volumes[i] volumes[level]
                 + layers network name stage.Depth stage.Mixer volumes[level])
        for i, stage in List.indexed shape.Decoder do
            let level = lowest - 1 - i

            row
                (if level = 0 then Row.LastUpsampling else Row.Decoder i)
                volumes[level]
                level
                (MedNeXtBlockCost.up network $"up_{level}" stage.Resampling volumes[level + 1] volumes[level]
                 + Operation.keeps volumes[level].Count
                 + layers network $"dec_block_{level}" stage.Depth stage.Mixer volumes[level])
        row Row.Head (VolumeShape.create classes patch) 0 (map classes 0 volumes[0])
        if network.DeepSupervision then
            row
                Row.DeepSupervision
                { volumes[1] with Channels = classes }
                1
                (List.sum [ for level in 1..lowest -> map classes level volumes[level] ])
    ]
