/// The cost of a U-Net, row by row, under the names of nnU-Net's and U-Mamba's published code.
[<RequireQualifiedAccess>]
module internal MedSegDsl.UNetCost

let private isStrided (block: UNetBlock) = block.Stride <> Size3.cube 1

/// Two convolutions with norms, before the skip is added.
let private twice (network: Network) (first: string * string) (second: string * string) (block: UNetBlock) =
    let convolved (convolution, norm) inputs =
        Operation.convolution convolution network.HasBlockBias block.Kernel 1 inputs block.Output
        + Operation.norm norm block.Output.Channels
        // What the norm reads, and what the activation makes.
        + Operation.keeps (2L * block.Output.Count)

    convolved first block.Inputs + convolved second block.Output.Channels

/// The index of the skip's convolution: pooling stands before it where there is a stride.
let private residualSkip (block: UNetBlock) =
    let pooled = {
        block.Output with
            Channels = block.Inputs
    }

    let pooling =
        if isStrided block then
            Operation.keeps pooled.Count
        else
            Cost.Zero

    if block.Inputs = block.Output.Channels then
        pooling
    else
        let name = $"{block.Name}.skip.{if isStrided block then 1 else 0}"

        pooling
        + Operation.convolution $"{name}.conv" false (Size3.cube 1) 1 block.Inputs block.Output
        + Operation.norm $"{name}.norm" block.Output.Channels
        + Operation.keeps block.Output.Count

let private block network (block: UNetBlock) =
    let name = block.Name

    match block.Kind with
    | UNetBlockKind.Plain -> Operation.block network name block.Kernel block.Inputs block.Output
    | UNetBlockKind.Residual ->
        twice
            network
            ($"{name}.conv1.conv", $"{name}.conv1.norm")
            ($"{name}.conv2.conv", $"{name}.conv2.norm")
            block
        + residualSkip block
    | UNetBlockKind.Projected ->
        twice network ($"{name}.conv1", $"{name}.norm1") ($"{name}.conv2", $"{name}.norm2") block
        + Operation.pointwise $"{name}.conv3" block.Inputs block.Output

let private layer network (layer: UNetLayer) =
    MixerCost.layer network layer.Name layer.Index layer.Mixer layer.Volume

let private upsampling (up: UNetUpsampling) =
    if up.IsTransposed then
        Operation.transposed up.Name true up.Stride up.Inputs up.Output
    else
        Operation.keeps (int64 up.Inputs * up.Output.Tokens)
        + Operation.pointwise up.Name up.Inputs up.Output

let private parts network blocks layers =
    List.sumBy (block network) blocks + List.sumBy (layer network) layers

let private decoder network (place: UNetDecoderPlace) =
    upsampling place.Upsampling
    // The skip beside the upsampled volume.
    + Operation.keeps (2L * place.Output.Count)
    + parts network place.Blocks place.Layers

let private head classes (place: UNetDecoderPlace) =
    let map = { place.Output with Channels = classes }

    Operation.pointwise place.Head place.Output.Channels map
    + Operation.keeps map.Count

/// The rows of a valid network that is this U-Net with these sizes, for a patch that suits it.
let rows (patch: Size3, channels: int, classes: int) (network: Network) (net: UNet) (sizes: UNetSizes) =
    let layout = UNetLayout.infer (patch, channels) net sizes

    let row row output reduction cost = {
        RowCost.Row = row
        Output = output
        Reduction = reduction
        Cost = cost
    }

    let one = Size3.cube 1
    let highest = List.last layout.Decoder

    [
        if not layout.Stem.IsEmpty then
            row Row.Stem (List.last layout.Stem).Output one (parts network layout.Stem [])
        for i, place in List.indexed layout.Encoder do
            row (Row.Encoder i) place.Output place.Reduction (parts network place.Blocks place.Layers)
        for i, place in List.indexed layout.Decoder do
            row (Row.Decoder i) place.Output place.Reduction (decoder network place)
        row
            Row.Head
            (VolumeShape.create classes highest.Output.Size)
            highest.Reduction
            (head classes highest + Operation.keeps layout.Input.Count)
        if network.DeepSupervision && layout.Decoder.Length > 1 then
            let lower = layout.Decoder |> List.take (layout.Decoder.Length - 1)
            let largest = List.last lower

            row
                Row.DeepSupervision
                (VolumeShape.create classes largest.Output.Size)
                largest.Reduction
                (List.sumBy (head classes) lower)
    ]
