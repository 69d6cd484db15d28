/// What SegFormer, CoTr and MedNeXt must keep to, and which patches they take.
module MedSegDsl.Tests.Dsl.ComparedNetworksTests

open Expecto
open MedSegDsl

let private paths =
    function
    | Ok _ -> []
    | Error(errors: DslError list) -> [ for error in errors -> error.Path ]

let private segFormer change = SegFormer.threeD |> mapSegFormer change
let private coTr change = CoTr.published |> mapCoTr change
let private medNeXt change = MedNeXt.basic 3 |> mapMedNeXt change

let private inStage index (change: SegFormerStage -> SegFormerStage) =
    segFormer (fun shape -> {
        shape with
            SegFormer.Stages =
                shape.Stages
                |> List.mapi (fun i stage -> if i = index then change stage else stage)
    })

let private mix change =
    inStage 1 (fun stage -> {
        stage with
            SegFormerStage.Mixer =
                match stage.Mixer with
                | Mixer.MixTransformer mixer -> Mixer.MixTransformer(change mixer)
                | other -> other
    })

let private attention change =
    coTr (fun shape -> {
        shape with
            CoTr.Attention = change shape.Attention
    })

/// Networks with one error each, and its path.
let private breakages = [
    "architecture.stages", segFormer (fun shape -> { shape with SegFormer.Stages = [] })
    "architecture.stages[0].channels",
    inStage 0 (fun stage -> {
        stage with
            SegFormerStage.Channels = 0
    })
    "architecture.stages[2].kernel", inStage 2 (fun stage -> { stage with SegFormerStage.Kernel = 4 })
    "architecture.stages[3].stride.w",
    inStage 3 (fun stage -> {
        stage with
            SegFormerStage.Stride = Size3.create 2 2 0
    })
    "architecture.stages[3].depth", inStage 3 (fun stage -> { stage with SegFormerStage.Depth = 0 })
    "architecture.stages[1].mixer.heads", mix (fun mixer -> { mixer with Heads = 3 })
    "architecture.stages[1].mixer.reduction", mix (fun mixer -> { mixer with Reduction = 0 })
    "architecture.stages[1].mixer.feedForwardRatio", mix (fun mixer -> { mixer with FeedForwardRatio = 0 })
    "architecture.stages[1].mixer.kernel", mix (fun mixer -> { mixer with Kernel = 2 })
    "architecture.decoderChannels",
    segFormer (fun shape -> {
        shape with
            SegFormer.DecoderChannels = 0
    })
    "architecture.dropout", segFormer (fun shape -> { shape with SegFormer.Dropout = 1.0 })
    "norm.groups", SegFormer.threeD |> withNorm (Norm.Group 5)
    "deepSupervision", SegFormer.threeD |> withDeepSupervision true
    "architecture.stem.kernel", coTr (fun shape -> { shape with CoTr.Stem.Kernel = 6 })
    "architecture.encoder[1].stride.d",
    coTr (fun shape -> {
        shape with
            CoTr.Encoder =
                shape.Encoder
                |> List.mapi (fun i stage ->
                    if i = 1 then
                        {
                            stage with
                                CoTrStage.Stride = Size3.create 0 2 2
                        }
                    else
                        stage)
    })
    "architecture.levels", coTr (fun shape -> { shape with CoTr.Levels = 3 })
    "architecture.layers", coTr (fun shape -> { shape with CoTr.Layers = 0 })
    "architecture.attention.heads", attention (fun mixer -> { mixer with Heads = 5 })
    "architecture.attention.points", attention (fun mixer -> { mixer with Points = 0 })
    "architecture.attention.dropout", attention (fun mixer -> { mixer with Dropout = -0.1 })
    "norm.groups", CoTr.published |> withNorm (Norm.Group 7)
    "architecture.channels", medNeXt (fun shape -> { shape with MedNeXt.Channels = 0 })
    "architecture.depth", medNeXt (fun shape -> { shape with MedNeXt.Depth = 0 })
    "architecture.mixer.kernel",
    medNeXt (fun shape -> {
        shape with
            MedNeXt.Mixer = Mixer.PlainConvolution 2
    })
    "architecture.decoder",
    medNeXt (fun shape -> {
        shape with
            MedNeXt.Decoder = List.tail shape.Decoder
    })
    "architecture.encoder[0].resampling.expansion",
    medNeXt (fun shape -> {
        shape with
            MedNeXt.Encoder =
                shape.Encoder
                |> List.mapi (fun i stage ->
                    if i = 0 then
                        {
                            stage with
                                MedNeXtStage.Resampling = { stage.Resampling with Expansion = 0 }
                        }
                    else
                        stage)
    })
    "norm.groups", MedNeXt.small 3 |> withNorm (Norm.Group 3)
]

let private forPatch size network =
    Network.validateFor (size, 1, 2) network |> paths

let tests =
    testList "dsl/compared networks" [
        for network in [ SegFormer.threeD; CoTr.published ] @ MedNeXt.all do
            test $"{network.Name} is right" { Expect.equal (paths (Network.validate network)) [] "no error" }

        for path, network in breakages do
            test $"{network.Name} with one error: {path}" {
                Expect.equal (paths (Network.validate network)) [ path ] "the one path"
            }

        test "each says in one line which patches it takes" {
            let line network = string (Network.patchRule network)
            Expect.equal (line SegFormer.threeD) "any size" "SegFormer"
            Expect.equal (line CoTr.published) "multiples of 8×16×16" "CoTr"
            Expect.equal (line (MedNeXt.large 5)) "multiples of 16×16×16" "MedNeXt"
        }

        test "patches that are no cubes, of any size that the reductions fit into" {
            Expect.equal
                (forPatch (Size3.create 16 50 77) SegFormer.threeD)
                []
                "16 voxels along an axis are 4 tokens"

            Expect.equal
                (forPatch (Size3.create 12 64 64) SegFormer.threeD)
                [ "architecture.stages[0].mixer.reduction" ]
                "3 tokens are fewer than the reduction of 4"
        }

        test "patches that the strides do not divide are refused" {
            Expect.equal (forPatch (Size3.create 12 32 48) CoTr.published) [ "patch.d" ] "CoTr"
            Expect.equal (forPatch (Size3.create 16 40 48) (MedNeXt.small 3)) [ "patch.h" ] "MedNeXt"
        }

        test "the lowest volume needs two voxels for instance norm" {
            Expect.equal (forPatch (Size3.cube 16) (MedNeXt.small 3)) [ "patch" ] "MedNeXt"
            Expect.equal (forPatch (Size3.create 8 16 16) CoTr.published) [ "patch" ] "CoTr"
        }

        test "a Mamba layer, a block of MedNeXt or SegFormer's layer stands in any architecture's stages" {
            let layers = [
                for network in [ UlikeMamba.threeD; SegFormer.threeD; MedNeXt.small 3 ] do
                    match network.Architecture with
                    | Architecture.UShape shape -> shape.Encoder.Head.Mixer
                    | Architecture.SegFormer shape -> shape.Stages[3].Mixer
                    | Architecture.MedNeXt shape -> shape.Mixer
                    | _ -> ()
            ]

            // Eight heads divide the channels of every stage of these.
            for network in [ UlikeMamba.threeD; MedNeXt.small 3; SegFormer.threeD ] do
                for layer in layers do
                    let mixed = network |> withMixer layer
                    Expect.equal (forPatch (Size3.cube 64) mixed) [] $"{network.Name} with {layer}"
                    let cost = NetworkCost.ofNetwork (Size3.cube 64, 1, 2) mixed
                    Expect.isOk cost "its cost"
        }
    ]
