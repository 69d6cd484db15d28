/// The paper's UlikeMamba networks as the public code (uakhan17/Mamba3D-MedSeg) has them: trilinear decoder, one set of
/// state-space parameters for all orders of a scan beside unused copies. `asInPaper` makes the paper's version of each.
/// All start as Mamba does; `withInitialisation Initialisation.AsPublished` starts them as the code does.
[<RequireQualifiedAccess>]
module MedSegDsl.UlikeMamba

let private layer convolution =
    Mixer.Mamba {
        Convolution = convolution
        Scan = Scan.single
        ScanFusion = Fusion.Mean
        Ssm = SsmParameters.SharedWithUnusedCopies
        StateSize = 16
        Expansion = 2
    }

/// UlikeMamba_3d: a 3×3×3 depthwise convolution on the volume, then one forward scan.
let threeD =
    UShape.create "UlikeMamba_3d" |> withMixer (layer (DepthwiseConv.Volume3d 3))

/// UlikeMamba_1d: a causal depthwise convolution of kernel 4 along the tokens, then one forward scan.
let oneD =
    threeD |> withConvolution (DepthwiseConv.Causal1d 4) |> named "UlikeMamba_1d"

/// UlikeMamba_3d scanning forward and backward.
let dual = threeD |> withScan Scan.dual |> named "UlikeMamba_3d_dual"

/// UlikeMamba_3d scanning forward and in a random order.
let dualRandom =
    threeD |> withScan (Scan.dualRandom 0) |> named "UlikeMamba_3d_dualrandom"

/// UlikeMamba_3d scanning along the three axes' orders.
let tri = threeD |> withScan Scan.tri |> named "UlikeMamba_3d_tri"

/// UlikeMamba_3d scanning along the three axes' orders and their reverses.
let sixWay = threeD |> withScan Scan.sixWay |> named "UlikeMamba_3d_sixway"

/// UlikeMamba_3d with MSv1 in ES1 and ES2.
let msv1 = threeD |> withMultiScale MSv1 |> named "UlikeMamba_3d_MSv1"

/// UlikeMamba_3d with MSv2 in ES1 and ES2.
let msv2 = threeD |> withMultiScale MSv2 |> named "UlikeMamba_3d_MSv2"

/// UlikeMamba_3d with MSv3 in ES1 and ES2.
let msv3 = threeD |> withMultiScale MSv3 |> named "UlikeMamba_3d_MSv3"

/// UlikeMamba_3d with MSv4 in every layer: the public code has it in the decoder too.
let msv4 =
    threeD
    |> withMultiScale MSv4
    |> withMultiScaleDecoder
    |> named "UlikeMamba_3d_MSv4"

/// UlikeMamba_3dMT: tri-directional scans everywhere, MSv4 in the encoder.
let multiTri =
    threeD |> withScan Scan.tri |> withMultiScale MSv4 |> named "UlikeMamba_3dMT"

/// Every network of this module, as in the public code.
let all = [
    oneD
    threeD
    dual
    dualRandom
    tri
    sixWay
    msv1
    msv2
    msv3
    msv4
    multiTri
]
