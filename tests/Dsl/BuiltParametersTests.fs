/// The parameters that the definition promises against those of the network that is built from it.
module MedSegDsl.Tests.Dsl.BuiltParametersTests

open Expecto
open MedSegDsl
open MedSegDsl.Models

let private patch = Size3.create 32 64 64

/// A quarter of the published width: the names are the same, and the weights start in no time.
let private narrow network =
    network
    |> UNetPlan.resolveFor patch
    |> mapChannels (fun channels -> channels / 4)

let private mamba =
    Mixer.Mamba {
        Convolution = DepthwiseConv.Volume3d 3
        Scan = Scan.tri
        ScanFusion = Fusion.Mean
        Ssm = SsmParameters.Separate
        StateSize = 16
        Expansion = 2
    }

/// What the catalogue does not have.
let private others = [
    UShape.create "plain-convolutions"
    |> withPositionEmbedding PositionEmbedding.Absent
    UShape.create "residual-convolutions"
    |> withMixer (Mixer.ResidualConvolution 3)
    |> withNorm (Norm.Group 4)
    UlikeMamba.tri
    |> withSsm SsmParameters.Shared
    |> withScanFusion Fusion.Concatenation
    |> named "one-set-joined-orders"
    UlikeMamba.dual
    |> withConvolution (DepthwiseConv.MultiScale3d([ 3; 5 ], ScaleFusion.Fused Fusion.Concatenation))
    |> named "fused-scales"
    UlikeMamba.threeD
    |> withScanFusion Fusion.Concatenation
    |> named "one-order-to-fuse"
    UlikeMamba.oneD |> withScan Scan.sixWay |> named "six-way-1d"
    UlikeMamba.msv1
    |> withEmbeddingFusion Fusion.Sum
    |> withDeepSupervision false
    |> named "summed-scales"
    UlikeMamba.multiTri |> withStages 3 |> named "three-stages"
    Unetr.unetr
    |> withStages 3
    |> withNorm Norm.Instance
    |> named "unetr-of-three-levels"
    Unetr.swinUnetrV2
    |> withStages 2
    |> withNorm Norm.Batch
    |> named "swin-of-two-stages"
    CoTr.published |> withStages 2 |> named "two-stages-of-CoTr"
    MedNeXt.basic 3
    |> withStages 3
    |> withDeepSupervision false
    |> named "three-stages-of-MedNeXt"
    NnUNet.resEncM
    |> withMixerIn (StageSet.Lowest 2) 3 mamba
    |> withMixerIn (StageSet.Highest 1) 1 (Mixer.PlainConvolution 5)
    |> named "mamba-in-residual-encoder"
    NnUNet.plain
    |> mapUNet (fun net -> {
        net with
            DecoderLayers = [
                {
                    Stages = StageSet.All
                    Depth = 2
                    Mixer = Mixer.ResidualConvolution 3
                    InPlaceOfBlocks = false
                }
            ]
    })
    |> withDeepSupervision false
    |> named "layers-in-decoder"
    UMamba.enc
    |> mapUNet (fun net -> { net with Decoder = UNetDecoder.Plain })
    |> withScan Scan.tri
    |> named "umamba-plain-decoder"
]

let private promised network =
    match NetworkCost.parameters (patch, 2, 3) network with
    | Ok parameters -> Map [ for p in parameters -> p.Name, p.Shape ]
    | Error errors -> failtest (DslError.render errors)

let private built network =
    use built = NetworkBuilder.Build(network, 2, 3, patch)

    Map [
        for struct (name, parameter) in built.named_parameters () ->
            name, [ for n in parameter.shape -> int n ]
    ]

let tests =
    testList "dsl/built parameters" [
        for network in Networks.all @ others do
            testCase $"{network.Name} has the parameters of its definition"
            <| fun () ->
                let network = narrow network
                let promised, built = promised network, built network

                let only (a: Map<string, int list>) b =
                    a |> Map.filter (fun name shape -> Map.tryFind name b <> Some shape)

                Expect.equal
                    (only promised built, only built promised)
                    (Map.empty, Map.empty)
                    "only promised, only built"
    ]
