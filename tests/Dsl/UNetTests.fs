/// The definitions of U-Nets: sizes, layers, tables.
module MedSegDsl.Tests.Dsl.UNetTests

open Expecto
open FsCheck
open FsCheck.FSharp
open MedSegDsl
open MedSegDsl.Runtime.Planning

let private sizes (network: Network) =
    match network.Architecture with
    | Architecture.UNet { Sizes = Planned.Set sizes } -> sizes
    | other -> failtest $"{other} has no sizes"

let private paths =
    function
    | Ok _ -> []
    | Error(errors: DslError list) -> [ for error in errors -> error.Path ]

let private anyPatch =
    Gen.choose (8, 160)
    |> Gen.three
    |> Gen.map (fun (d, h, w) -> Size3.create d h w)
    |> Arb.fromGen

/// A plan of three stages.
let private plan residual blocks decoder = {
    Residual = residual
    Sizes = {
        Encoder = [
            for i in 0..2 ->
                {
                    Channels = 16 <<< i
                    Stride = if i = 0 then Size3.cube 1 else Size3.create 1 2 2
                    Kernel = Size3.create 1 3 3
                    Blocks = blocks
                }
        ]
        Decoder = [ decoder; decoder ]
    }
}

let private blocks network = [ for stage in (sizes network).Encoder -> stage.Blocks ]

let private mamba =
    match UlikeMamba.tri.Architecture with
    | Architecture.UShape shape -> shape.Encoder.Head.Mixer
    | other -> failtest $"{other} is no U-shape"

let tests =
    testList "dsl/unets" [
        testProperty "without plans the strides are those of nnU-Net's planner for isotropic spacing"
        <| Prop.forAll anyPatch (fun patch ->
            let axes = Size3.toList patch |> List.map float |> Array.ofList
            let planned = Topology.For([| 1.0; 1.0; 1.0 |], axes)
            let stages = (UNetPlan.ofPatch false patch).Sizes.Encoder

            Expect.equal
                [ for stage in stages -> Size3.toList stage.Stride ]
                [ for stride in planned.Strides -> List.ofArray stride ]
                "strides"

            Expect.equal
                [ for stage in stages -> Size3.toList stage.Kernel ]
                [ for kernel in planned.Kernels -> List.ofArray kernel ]
                "kernels")

        test "nnU-Net's blocks and channels for a patch of 128³" {
            let plain = NnUNet.plain |> UNetPlan.resolveFor (Size3.cube 128)
            let residual = NnUNet.resEncM |> UNetPlan.resolveFor (Size3.cube 128)

            Expect.equal
                [ for s in (sizes plain).Encoder -> s.Channels ]
                [ 32; 64; 128; 256; 320; 320 ]
                "channels"

            Expect.equal
                (blocks plain, (sizes plain).Decoder)
                ([ 2; 2; 2; 2; 2; 2 ], [ 2; 2; 2; 2; 2 ])
                "plain"

            Expect.equal
                (blocks residual, (sizes residual).Decoder)
                ([ 1; 3; 4; 6; 6; 6 ], [ 1; 1; 1; 1; 1 ])
                "residual"
        }

        test "U-Mamba has one block in the lower half of the encoder, the upper of the decoder" {
            let enc = UMamba.enc |> UNetPlan.resolveFor (Size3.cube 128)

            Expect.equal
                (blocks enc, (sizes enc).Decoder)
                ([ 2; 2; 2; 1; 1; 1 ], [ 2; 2; 2; 1; 1 ])
                "of six stages"
        }

        test "plans give sizes; plans for another kind of encoder give all but the blocks" {
            let own = NnUNet.plain |> UNetPlan.resolve (plan false 3 4)
            Expect.equal (sizes own) (plan false 3 4).Sizes "as planned"
            let other = NnUNet.resEncM |> UNetPlan.resolve (plan false 3 4)

            Expect.equal
                (blocks other, (sizes other).Decoder)
                ([ 1; 3; 4 ], [ 1; 1 ])
                "the residual planner's blocks"

            Expect.equal [ for s in (sizes other).Encoder -> s.Channels ] [ 16; 32; 64 ] "the plans' channels"
            Expect.equal (UNetPlan.resolve (plan true 1 1) own) own "what has sizes keeps them"

            Expect.equal
                (UNetPlan.resolve (plan true 1 1) UlikeMamba.tri)
                UlikeMamba.tri
                "what needs no plans"
        }

        test "the patch rule is the product of the strides" {
            let network = NnUNet.plain |> UNetPlan.resolve (plan false 2 2)
            Expect.equal (Network.patchRule network).Multiple (Size3.create 1 4 4) "after planning"
            Expect.equal (Network.patchRule NnUNet.plain).Multiple (Size3.cube 1) "before"

            Expect.equal
                (network |> Network.validateFor (Size3.create 5 32 30, 1, 2) |> paths)
                [ "patch.w" ]
                "30 is no multiple of 4"
        }

        test "errors have their paths" {
            let wrong =
                NnUNet.plain
                |> UNetPlan.resolve (plan false 2 2)
                |> withMixerIn (StageSet.Lowest 0) 0 (Mixer.PlainConvolution 2)
                |> mapUNet (fun net ->
                    match net.Sizes with
                    | Planned.Set sizes -> {
                        net with
                            Sizes =
                                Planned.Set {
                                    Encoder =
                                        sizes.Encoder
                                        |> List.mapi (fun i stage ->
                                            if i = 1 then
                                                {
                                                    stage with
                                                        Kernel = Size3.create 1 3 2
                                                        Blocks = 0
                                                }
                                            else
                                                stage)
                                    Decoder = [ 1 ]
                                }
                      }
                    | Planned.FromPlans -> net)

            Expect.equal
                (paths (Network.validate wrong))
                [
                    "architecture.encoderLayers[0].depth"
                    "architecture.encoderLayers[0].mixer.kernel"
                    "architecture.encoderLayers[0].stages.count"
                    "architecture.sizes.decoder"
                    "architecture.sizes.encoder[1].blocks"
                    "architecture.sizes.encoder[1].kernel.w"
                ]
                "paths"
        }

        test "heads must divide the channels of every stage that the layers are in" {
            let attention =
                Mixer.Attention {
                    Heads = 32
                    Reduction = 1
                    FeedForwardRatio = 4
                    QkvBias = true
                    NormEpsilon = 1e-6
                }

            let inStages set =
                NnUNet.plain
                |> UNetPlan.resolve (plan false 2 2)
                |> withMixerIn set 1 attention
                |> Network.validate
                |> paths

            Expect.equal (inStages (StageSet.Lowest 2)) [] "32 divides 32 and 64"
            Expect.equal (inStages StageSet.All) [ "architecture.encoderLayers[0].mixer.heads" ] "not 16"
        }

        test "a Mamba stage in a residual encoder shows in its table" {
            let network =
                NnUNet.resEncM |> withMixerIn (StageSet.Lowest 1) 2 mamba |> named "mixed"

            let table =
                Expect.wantOk (Tables.architecture (Size3.cube 64, 1, 4) [ network; UMamba.enc ]) "a table"

            let cell title column =
                let row = table.Rows |> List.find (fun row -> row.Head = [ TableLine.Text title ])

                String.concat "; " [
                    for line in List.item column row do
                        match line with
                        | TableLine.Text text -> text
                        | TableLine.Repeated(lines, times) -> $"""[{String.concat ", " lines}] × {times}"""
                ]

            Expect.equal
                (cell "ES5" 1)
                ("[Conv: K=3, C=320, S=2, Conv: K=3, C=320, S=1, Add: average pooling 2, Conv: K=1, C=320 of the input] × 1; "
                 + "[Linear: C=1280, DWConv 3D: K=3, SSM: N=16, tri scan, shared, Linear: C=320] × 2")
                "the first block, then Mamba layers"

            Expect.equal
                (cell "ES2" 1)
                ("[Conv: K=3, C=64, S=2, Conv: K=3, C=64, S=1, Add: average pooling 2, Conv: K=1, C=64 of the input] × 1; "
                 + "[Conv: K=3, C=64, S=1, Conv: K=3, C=64, S=1, Add: input] × 2")
                "blocks alone"

            Expect.stringContains (cell "ES5" 2) "Channels as tokens; [LayerNorm, Linear: C=256" "4³ voxels"
        }
    ]
