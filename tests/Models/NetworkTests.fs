/// What the interpreter makes of definitions, beyond the published networks of the golden data.
module MedSegDsl.Tests.Models.NetworkTests

open System
open Expecto
open MedSegDsl
open MedSegDsl.Models
open MedSegDsl.Tests.Models.SmallNetworks
open TorchSharp

let private fusedScales fusion =
    withConvolution (DepthwiseConv.MultiScale3d([ 3; 5 ], ScaleFusion.Fused fusion))

let private strided size =
    mapEncoder (fun i stage -> if i = 1 then { stage with Stride = size } else stage)

/// Windows of different sides.
let swin heads =
    Mixer.Swin {
        Heads = heads
        Window = Size3.create 2 3 4
        FeedForwardRatio = 2
        QkvBias = false
        Dropout = 0.1
        DropPath = { First = 0.1; Step = 0.1 }
        Code = SwinCode.Monai
    }

let private vit heads =
    Mixer.Vit {
        Heads = heads
        FeedForwardRatio = 2
        QkvBias = true
        Dropout = 0.1
        UnusedCrossAttention = false
    }

let private ux =
    Mixer.Ux {
        Kernel = 5
        Expansion = 2
        LayerScale = 0.5
        DropPath = { First = 0.1; Step = 0.1 }
    }

let private mambaLayer =
    match UlikeMamba.tri.Architecture with
    | Architecture.UShape shape -> shape.Encoder[0].Mixer
    | other -> failwith $"a U-shape became {other}"

let private mixTransformer =
    Mixer.MixTransformer {
        Heads = 2
        Reduction = 1
        FeedForwardRatio = 2
        Kernel = 5
        Scale = AttentionScale.HeadChannels
    }

let private deformable =
    Mixer.DeformableAttention {
        Heads = 2
        Points = 3
        FeedForwardRatio = 2
        Dropout = 0.0
        Axes = SamplingAxes.Aligned
    }

let private medNeXt =
    Mixer.MedNeXt {
        MedNeXtBlock.Kernel = 5
        Expansion = 3
    }

let private standardised =
    CoTr.published
    |> mapCoTr (fun shape -> {
        shape with
            CoTr.WeightStandardisation = true
    })

/// What no network of the catalogue has.
let private variants =
    let tri = UlikeMamba.tri

    [
        "concatenated orders", tri |> withScanFusion Fusion.Concatenation
        "summed orders", tri |> withScanFusion Fusion.Sum
        "one concatenated order", UlikeMamba.threeD |> withScanFusion Fusion.Concatenation
        "shared state spaces", tri |> withSsm SsmParameters.Shared
        "separate state spaces", UlikeMamba.sixWay |> withSsm SsmParameters.Separate
        "concatenated scales", tri |> fusedScales Fusion.Concatenation
        "summed scales", UlikeMamba.dual |> fusedScales Fusion.Sum
        "dual 1D", UlikeMamba.oneD |> withScan Scan.dual
        "summed embeddings", UlikeMamba.msv1 |> withEmbeddingFusion Fusion.Sum
        "averaged embeddings", UlikeTrans.sraMsv3 |> withEmbeddingFusion Fusion.Mean
        "plain convolutions", UlikeMamba.threeD |> withMixer (Mixer.PlainConvolution 3)
        "residual convolutions", UlikeMamba.threeD |> withMixer (Mixer.ResidualConvolution 5)
        "batch norm, GELU", UlikeMamba.threeD |> withNorm Norm.Batch |> withActivation Activation.GELU
        "group norm, ReLU", UlikeMamba.threeD |> withNorm (Norm.Group 2) |> withActivation Activation.ReLU
        "SiLU", UlikeMamba.threeD |> withActivation Activation.SiLU
        "no positions", UlikeTrans.sra |> withPositionEmbedding PositionEmbedding.Absent
        "no deep supervision", UlikeMamba.threeD |> withDeepSupervision false
        "three stages", UlikeMamba.threeD |> withStages 3
        "flat strides, transposed",
        UlikeMamba.threeD
        |> strided (Size3.create 1 2 2)
        |> withUpsampling Upsampling.Transposed
        "flat strides, trilinear", UlikeMamba.threeD |> strided (Size3.create 1 2 2)
        "small states", UlikeMamba.threeD |> withStateSize 4 |> withExpansion 3
        "Swin layers in a U-shape", UlikeMamba.threeD |> withMixer (swin 2)
        "ViT layers in a U-shape", UlikeMamba.threeD |> withMixer (vit 2)
        "UX layers in a U-shape", UlikeMamba.threeD |> withMixer ux
        "Mamba layers in a pyramid of windows", Unetr.swinUnetrV1 |> withMixer mambaLayer
        "Swin layers in a pyramid of convolutions", Unetr.uxNet |> withMixer (swin 3)
        "convolutions in a column", Unetr.unetr |> withMixer (Mixer.ResidualConvolution 3)
        "Mamba layers in an nnFormer", NnFormer.nnFormer |> withMixer mambaLayer |> withStages 3
        "nnFormer without deep supervision", NnFormer.nnFormer |> withStages 2 |> withDeepSupervision false
        "UNETR with batch norm", Unetr.unetr |> withNorm Norm.Batch |> withStages 3
        "SwinUNETR of three stages, v2, with scales",
        Unetr.swinUnetrV2 |> withNorm Norm.Instance |> withStages 3
        "SegFormer's layers in a U-shape", UlikeMamba.threeD |> withMixer mixTransformer
        "deformable attention in a U-shape", UlikeMamba.threeD |> withMixer deformable
        "MedNeXt's blocks in a U-shape", UlikeMamba.threeD |> withMixer medNeXt
        "Mamba layers in SegFormer", SegFormer.threeD |> withMixer mambaLayer
        "three stages of SegFormer", SegFormer.threeD |> withStages 3 |> withMixer deformable
        "Mamba layers in MedNeXt", MedNeXt.small 3 |> withStages 2 |> withMixer mambaLayer
        "CoTr of two stages", CoTr.published |> withStages 2 |> withDeepSupervision false
        "CoTr with standardised weights", standardised
    ]

let private everything =
    [
        for network in Networks.all do
            if not network.Architecture.IsUNet then
                network.Name, network
    ]
    @ variants

let private namesAndShapes network =
    let patch = Size3.create 32 64 64
    use built = NetworkBuilder.Build(network, 2, 3, patch)
    let own = parameters built |> Map.map (fun _ p -> shape p)

    let counted =
        Expect.wantOk (NetworkCost.parameters (patch, 2, 3) network) "what the DSL counts"

    let counted = Map [ for p in counted -> p.Name, p.Shape ]

    let differences = [
        for name in Set own.Keys + Set counted.Keys do
            if own.TryFind name <> counted.TryFind name then
                name, own.TryFind name, counted.TryFind name
    ]

    Expect.isEmpty differences "names with the shapes built and counted"

let private mixersOf network =
    let found = ResizeArray()

    network
    |> mapMixers (fun mixer ->
        found.Add mixer
        mixer)
    |> ignore

    List.ofSeq found

/// The copies of state-space parameters that the public code keeps and never uses, and UNETR's cross-attention.
let private isUnused (network: Network) (name: string) =
    let copies =
        mixersOf network
        |> List.exists (function
            | Mixer.Mamba mixer -> mixer.Ssm = SsmParameters.SharedWithUnusedCopies
            | Mixer.Vit mixer -> mixer.UnusedCrossAttention
            | _ -> false)

    let unused = [
        ".mixer.A_log_"
        ".mixer.D_"
        ".mixer.x_proj_"
        ".mixer.dt_proj_"
        "cross_attn"
    ]

    name = "dummy_tensor"
    || copies && unused |> List.exists (fun copy -> name.Contains copy)

let private forwardAndBackward (network: Network) =
    use _scope = torch.NewDisposeScope()
    use built = build network
    let patch = patchOf network
    let maps = built.call (volume 2 patch)

    let expected =
        match network.Architecture with
        | _ when not network.DeepSupervision -> 1
        | Architecture.UShape shape -> shape.Decoder.Length + 2
        | Architecture.Unetr _
        | Architecture.SegFormer _ -> 1
        | Architecture.CoTr shape -> shape.Encoder.Length + 1
        | Architecture.MedNeXt shape -> shape.Encoder.Length + 1
        | Architecture.NnFormer former -> former.Decoder.Length
        | Architecture.UNet net -> failtest $"{net} has tests of its own"

    Expect.equal maps.Count expected "maps"
    Expect.equal (shape maps[0]) [ 1; 3; patch.D; patch.H; patch.W ] "the final map's shape"

    for map in maps do
        Expect.all (values map) Double.IsFinite "finite maps"

    let losses = [ for map in maps -> map.square().mean() ]
    (List.reduce (fun (a: Tensor) b -> a + b) losses).backward()

    for entry in parameters built do
        match entry.Value.grad with
        | null -> Expect.isTrue (isUnused network entry.Key) $"{entry.Key} has a gradient"
        | gradient ->
            Expect.isFalse (isUnused network entry.Key) $"{entry.Key} has no gradient"
            Expect.isTrue (Double.IsFinite(gradient.abs().sum().ToDouble())) $"{entry.Key}: a finite gradient"

let private definitionTests =
    testList "definitions" [
        for name, network in variants do
            test $"{name}: the state dict has the names and shapes that the DSL counts" {
                namesAndShapes (slim network)
            }

        for name, network in everything do
            test $"{name}: runs forward and backward" { forwardAndBackward (shallow network) }

        test "a definition with errors is refused with every path" {
            let wrong =
                UlikeTrans.sra |> withHeadsAndReductions [ 5, 6 ] [] |> withNorm (Norm.Group 0)

            let message =
                try
                    NetworkBuilder.Build(wrong, 1, 2, patch).Dispose()
                    ""
                with :? ModelException as error ->
                    error.Message

            Expect.stringContains message "architecture.encoder[0].mixer.heads" "the first error"
            Expect.stringContains message "norm.groups" "the second error"
        }
    ]

let private sizeTests =
    testList "sizes" [
        for name, network in
            [
                "trilinear", UlikeMamba.threeD
                "transposed", UlikeMamba.threeD |> asInPaper
                "attention", UlikeTrans.sra |> withHeadsAndReductions [ 1, 5; 2, 3 ] []
            ] do
            test $"{name}: a volume of odd size, another than the patch, keeps its size" {
                use _scope = torch.NewDisposeScope()
                use _noGrad = torch.no_grad ()
                use built = build (shallow network)
                let size = Size3.create 25 51 37
                let map = built.Predict(volume 3 size)
                Expect.equal (shape map) [ 1; 3; 25; 51; 37 ] "the map's shape"
                Expect.all (values map) Double.IsFinite "finite"
            }

        test "a volume of another size gives what the weights give in a network built for that size" {
            use _scope = torch.NewDisposeScope()
            use _noGrad = torch.no_grad ()
            let network = shallow UlikeMamba.threeD
            let size = Size3.create 32 64 32
            use first = build network
            use second = NetworkBuilder.Build(network, 2, 3, size, 5L)
            let reports = ResizeArray<string>()
            StateDict.Load(second, first.state_dict (), Nullable patch, Action<string> reports.Add)
            let input = volume 4 size
            Expect.isLessThan (difference (first.Predict input) (second.Predict input)) 1e-6 "the same map"
            Expect.equal reports.Count 1 "one line"
            Expect.stringContains reports[0] "7 position embeddings" "what was interpolated"
        }

        test "the final map alone is the first of all" {
            use _scope = torch.NewDisposeScope()
            use _noGrad = torch.no_grad ()
            use built = build (shallow UlikeMamba.dual)
            let input = volume 5 patch
            let all = built.call input
            Expect.equal (difference all[0] (built.Predict input)) 0.0 "the same numbers"
        }

        test "a reduction larger than the volume is an error that says so" {
            use _scope = torch.NewDisposeScope()
            use built = build (shallow UlikeTrans.sra)

            Expect.throwsC (fun () -> built.Predict(volume 6 (Size3.create 8 64 64)) |> ignore) (fun error ->
                Expect.isTrue (error :? ModelException) "an error for users"
                Expect.stringContains error.Message "reduction 6" "the reduction")
        }

        test "a volume of other channels is an error that says so" {
            use _scope = torch.NewDisposeScope()
            use built = build (shallow UlikeMamba.threeD)
            let wrong = random 7 [ 1; 3; 16; 32; 32 ]

            Expect.throwsC (fun () -> built.Predict wrong |> ignore) (fun error ->
                Expect.isTrue (error :? ModelException) "an error for users"
                Expect.stringContains error.Message "2 channels" "the channels")
        }
    ]

let tests = testList "models/networks" [ definitionTests; sizeTests ]
