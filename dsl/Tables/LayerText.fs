/// The words for layers, whatever the architecture.
[<RequireQualifiedAccess>]
module internal MedSegDsl.LayerText

let private joined (separator: string) (parts: 'a seq) =
    System.String.Join(separator, [ for part in parts -> string (box part) ])

/// `2`, or `(1, 2, 2)` where the axes differ.
let size (size: Size3) =
    if size.D = size.H && size.H = size.W then
        string size.D
    else
        $"({size.D}, {size.H}, {size.W})"

let private kernels values =
    match values with
    | [ kernel ] -> string kernel
    | _ -> $"""{{{joined ", " values}}}"""

/// `Conv: K={3, 5}, C=48, S=2`.
let conv values channels stride =
    $"Conv: K={kernels values}, C={channels}, S={size stride}"

/// How several volumes become one.
let fusion kind =
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

let private scanMixer channels (mixer: MambaMixer) = [
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

let private mixer channels =
    function
    | Mixer.Mamba mixer -> scanMixer channels mixer
    | Mixer.UMamba mixer -> "LayerNorm" :: scanMixer channels mixer.Mamba
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
    | Mixer.Swin mixer -> [
        $"Window MHSA: heads={mixer.Heads}, window={size mixer.Window}, shifted every second"
        $"FFN: C={mixer.FeedForwardRatio * channels}, {channels}"
      ]
    | Mixer.Vit mixer -> [
        $"MHSA: heads={mixer.Heads}"
        $"FFN: C={mixer.FeedForwardRatio * channels}, {channels}"
      ]
    | Mixer.Ux mixer -> [
        $"DWConv 3D: K={mixer.Kernel}"
        $"DWConv 3D: K=1, C={mixer.Expansion * channels}, {channels}"
      ]
    | Mixer.MixTransformer mixer -> [
        if mixer.Reduction = 1 then
            $"MHSA: heads={mixer.Heads}"
        else
            $"SRA: heads={mixer.Heads}, R={mixer.Reduction}"
        $"Mix-FFN: C={mixer.FeedForwardRatio * channels}, {channels}, DWConv 3D: K={mixer.Kernel}"
      ]
    | Mixer.DeformableAttention mixer -> [
        $"Deformable attention: heads={mixer.Heads}, points={mixer.Points}"
        $"FFN: C={mixer.FeedForwardRatio * channels}, {channels}"
      ]
    | Mixer.MedNeXt block -> [
        $"DWConv 3D: K={block.Kernel}"
        $"Conv: K=1, C={block.Expansion * channels}"
        $"Conv: K=1, C={channels}"
        "Add: input"
      ]

/// `depth` layers of a stage whose tokens have so many channels.
let layers channels depth value =
    TableLine.Repeated(mixer channels value, depth)
