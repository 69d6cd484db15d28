/// The words for a row of an architecture table: what the row is called, what it consists of, the size it ends in.
[<RequireQualifiedAccess>]
module internal MedSegDsl.RowText

/// ES1, DS1 …, as the paper numbers them.
let title =
    function
    | Row.Stem -> "Stem"
    | Row.Encoder index -> $"ES{index + 1}"
    | Row.Decoder index -> $"DS{index + 1}"
    | Row.LastUpsampling -> "Last upsampling"
    | Row.Head -> "Head"
    | Row.DeepSupervision -> "Deep supervision"

let private joined (separator: string) (parts: 'a seq) =
    System.String.Join(separator, [ for part in parts -> string (box part) ])

/// `2`, or `(1, 2, 2)` where the axes differ.
let private size (size: Size3) =
    if size.D = size.H && size.H = size.W then
        string size.D
    else
        $"({size.D}, {size.H}, {size.W})"

let private kernels values =
    match values with
    | [ kernel ] -> string kernel
    | _ -> $"""{{{joined ", " values}}}"""

let private conv values channels stride =
    $"Conv: K={kernels values}, C={channels}, S={size stride}"

let private fusion kind =
    match kind with
    | Fusion.Sum -> "sum"
    | Fusion.Mean -> "mean"
    | Fusion.Concatenation -> "concatenation, Conv: K=1"

let private order =
    function
    | ScanOrder.Forward -> "forward"
    | ScanOrder.Backward -> "backward"
    | ScanOrder.UpDown -> "up-down"
    | ScanOrder.UpDownReversed -> "up-down reversed"
    | ScanOrder.FrontBack -> "front-back"
    | ScanOrder.FrontBackReversed -> "front-back reversed"
    | ScanOrder.Random _ -> "random"

let private scan (orders: Scan) =
    match orders with
    | [ ScanOrder.Forward ] -> "single"
    | [ ScanOrder.Forward; ScanOrder.Backward ] -> "dual"
    | [ ScanOrder.Forward; ScanOrder.Random _ ] -> "dual-random"
    | orders when orders = Scan.tri -> "tri"
    | orders when orders = Scan.sixWay -> "six-way"
    | orders -> orders |> List.map order |> joined ", "

let private ssm (mixer: MambaMixer) =
    let sets =
        match mixer.Scan, mixer.Ssm with
        | ([] | [ _ ]), _ -> ""
        | _, SsmParameters.Separate -> ", separate"
        | _, (SsmParameters.Shared | SsmParameters.SharedWithUnusedCopies) -> ", shared"

    $"SSM: N={mixer.StateSize}, {scan mixer.Scan} scan{sets}"

let private mixer channels =
    function
    | Mixer.Mamba mixer -> [
        $"Linear: C={2 * mixer.Expansion * channels}"
        match mixer.Convolution with
        | DepthwiseConv.Causal1d kernel -> $"DWConv 1D: K={kernel}, causal"
        | DepthwiseConv.Volume3d kernel -> $"DWConv 3D: K={kernel}"
        | DepthwiseConv.MultiScale3d(values, ScaleFusion.JoinedSequence) ->
            $"DWConv 3D: K={kernels values}, joined"
        | DepthwiseConv.MultiScale3d(values, ScaleFusion.Fused kind) ->
            $"DWConv 3D: K={kernels values}, {fusion kind}"
        ssm mixer
        $"Linear: C={channels}"
      ]
    | Mixer.Attention mixer -> [
        if mixer.Reduction = 1 then
            $"MHSA: heads={mixer.Heads}"
        else
            $"SRA: heads={mixer.Heads}, R={mixer.Reduction}"
        $"FFN: C={mixer.FeedForwardRatio * channels}, {channels}"
      ]
    | Mixer.PlainConvolution kernel -> [ $"Conv: K={kernel}, C={channels}, S=1" ]
    | Mixer.ResidualConvolution kernel -> [
        $"Conv: K={kernel}, C={channels}, S=1"
        $"Conv: K={kernel}, C={channels}, S=1"
        "Add: input"
      ]

let private layers channels depth value =
    TableLine.Repeated(mixer channels value, depth)

let private encoder (stage: EncoderStage) = [
    match stage.Embedding with
    | Embedding.Convolution kernel ->
        TableLine.Text(conv [ kernel ] stage.Channels stage.Stride)
        layers stage.Channels stage.Depth stage.Mixer
    | Embedding.FusedBeforeMixers(values, kind) ->
        TableLine.Text(conv values stage.Channels stage.Stride)
        TableLine.Text $"Fuse: {fusion kind}"
        layers stage.Channels stage.Depth stage.Mixer
    | Embedding.FusedAfterMixers(values, kind) ->
        TableLine.Text $"{conv values stage.Channels stage.Stride}, each with"
        layers stage.Channels stage.Depth stage.Mixer
        TableLine.Text $"Fuse: {fusion kind}"
]

let private decoder (network: Network) index (stage: DecoderStage) = [
    let skip = network.Encoder.Length - 2 - index
    let channels = network.Encoder[skip].Channels
    let stride = network.Encoder[skip + 1].Stride

    match stage.Upsampling with
    | Upsampling.Transposed ->
        TableLine.Text $"TransConv: K={size stride}, C={channels}, S={size stride}"
        TableLine.Text $"Add: {title (Row.Encoder skip)}"
    | Upsampling.Trilinear ->
        TableLine.Text $"Trilinear: ×{size stride}"
        TableLine.Text(conv [ 1 ] channels (Size3.cube 1))
        TableLine.Text $"Add: {title (Row.Encoder skip)}"
        TableLine.Text(conv [ 3 ] channels (Size3.cube 1))

    layers channels stage.Depth stage.Mixer

    if index = network.Decoder.Length - 1 then
        TableLine.Text "LayerNorm"
]

/// What a network has in a row; nothing where it has no such row.
let configuration (cost: NetworkCost) row =
    let network = cost.Network
    let classes = cost.Shapes.Output.Channels
    let text lines = List.map TableLine.Text lines

    match row with
    | Row.Stem -> text [ conv [ network.Stem.Kernel ] network.Stem.Channels network.Stem.Stride ]
    | Row.Encoder index ->
        network.Encoder
        |> List.tryItem index
        |> Option.map encoder
        |> Option.defaultValue []
    | Row.Decoder index ->
        network.Decoder
        |> List.tryItem index
        |> Option.map (decoder network index)
        |> Option.defaultValue []
    | Row.LastUpsampling ->
        let stride = size (List.head network.Encoder).Stride

        text [
            $"TransConv: K={stride}, C={network.Stem.Channels}, S={stride}"
            "Add: stem"
            conv [ 3 ] network.Stem.Channels (Size3.cube 1)
        ]
    | Row.Head ->
        text [
            if network.Stem.Stride <> Size3.cube 1 then
                $"Trilinear: ×{size network.Stem.Stride}"
            $"Conv: K=1, C={classes}"
        ]
    | Row.DeepSupervision when network.DeepSupervision ->
        text [
            $"Conv: K=1, C={classes} on DS1–DS{network.Decoder.Length}"
            "and on the last upsampling"
        ]
    | Row.DeepSupervision -> []

/// `D/2 × H/4 × W/4`.
let relativeSize (reduction: Size3) =
    let axis name divisor =
        if divisor = 1 then name else $"{name}/{divisor}"

    $"""{axis "D" reduction.D} × {axis "H" reduction.H} × {axis "W" reduction.W}"""

/// `32 × 48 × 40`.
let absoluteSize (size: Size3) = $"{size.D} × {size.H} × {size.W}"
