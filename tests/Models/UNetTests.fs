/// U-Nets as modules, beyond the published networks of the golden data.
module MedSegDsl.Tests.Models.UNetTests

open System
open Expecto
open MedSegDsl
open MedSegDsl.Models
open MedSegDsl.Tests.Models.SmallNetworks
open TorchSharp

let private patch = Size3.create 16 32 32

/// An eighth of the channels that nnU-Net would plan for the patch.
let private slim network =
    network
    |> UNetPlan.resolveFor patch
    |> mapChannels (fun channels -> channels / 8)

let private build network =
    NetworkBuilder.Build(network, 2, 3, patch, 1L)

let private mamba =
    Mixer.Mamba {
        Convolution = DepthwiseConv.MultiScale3d([ 3; 5 ], ScaleFusion.JoinedSequence)
        Scan = Scan.tri
        ScanFusion = Fusion.Mean
        Ssm = SsmParameters.Separate
        StateSize = 4
        Expansion = 2
    }

let private attention =
    Mixer.Attention {
        Heads = 2
        Reduction = 2
        FeedForwardRatio = 2
        QkvBias = true
        NormEpsilon = 1e-6
    }

let private inDecoder mixer =
    mapUNet (fun net -> {
        net with
            DecoderLayers = [
                {
                    Stages = StageSet.Lowest 1
                    Depth = 1
                    Mixer = mixer
                    InPlaceOfBlocks = false
                }
            ]
    })

let private networks =
    [ NnUNet.plain; NnUNet.resEncM; UMamba.noMamba; UMamba.bot; UMamba.enc ]
    @ [
        NnUNet.resEncM
        |> withMixerIn (StageSet.Lowest 2) 2 mamba
        |> named "mamba-in-residual-encoder"
        NnUNet.plain |> inDecoder attention |> named "attention-in-decoder"
        UMamba.enc
        |> mapUNet (fun net -> { net with Decoder = UNetDecoder.Plain })
        |> named "plain-decoder"
        NnUNet.resEncM
        |> withNorm Norm.Batch
        |> withActivation Activation.SiLU
        |> named "batch-norm-SiLU"
        NnUNet.plain |> withDeepSupervision false |> named "no-deep-supervision"
    ]

let private forwardAndBackward network =
    use _scope = torch.NewDisposeScope()
    use built = build network
    let maps = built.call (volume 2 patch)
    let expected = if network.DeepSupervision then 3 else 1
    Expect.equal maps.Count expected "a map for each decoder stage"
    let sizes = [ [ 16; 32; 32 ]; [ 8; 16; 16 ]; [ 4; 8; 8 ] ]

    Expect.equal
        [ for map in maps -> shape map ]
        [ for size in List.take expected sizes -> 1 :: 3 :: size ]
        "shapes"

    let losses = [ for map in maps -> map.square().mean() ]
    (List.reduce (fun (a: Tensor) b -> a + b) losses).backward()

    for entry in parameters built do
        match entry.Value.grad with
        | null -> failtest $"{entry.Key} has no gradient"
        | gradient ->
            Expect.isTrue (Double.IsFinite(gradient.abs().sum().ToDouble())) $"{entry.Key}: a finite gradient"

let private standardDeviation (values: float[]) =
    let mean = Array.average values
    sqrt (values |> Array.averageBy (fun x -> (x - mean) * (x - mean)))

let private startTests = [
    test "nnU-Net's start: He's normal over the fan-in, biases 0, residual blocks start as their skips" {
        use built = build (slim NnUNet.resEncM)
        let start = parameters built |> Map.map (fun _ p -> values p)
        let weight = start["encoder.stages.3.blocks.0.conv1.conv.weight"]
        let expected = sqrt (2.0 / 1.0001 / (16.0 * 27.0))
        Expect.isLessThan (abs (standardDeviation weight / expected - 1.0)) 0.03 "deviation"
        let upwards = start["decoder.transpconvs.0.weight"]
        let expected = sqrt (2.0 / 1.0001 / (16.0 * 4.0))
        Expect.isLessThan (abs (standardDeviation upwards / expected - 1.0)) 0.07 "a transposed one's"

        for entry in start do
            if entry.Key.EndsWith "bias" then
                Expect.all entry.Value ((=) 0.0) entry.Key

        Expect.all start["encoder.stages.1.blocks.2.conv2.norm.weight"] ((=) 0.0) "the last norm of a block"
        Expect.all start["encoder.stages.1.blocks.2.conv1.norm.weight"] ((=) 1.0) "the first"
    }

    test "U-Mamba's start: no block starts as its skip, Mamba layers start as Mamba does" {
        use built = build (slim UMamba.enc)
        let start = parameters built |> Map.map (fun _ p -> values p)
        Expect.all start["encoder.stages.1.1.conv2.norm.weight"] ((=) 1.0) "a block's last norm"

        let steps =
            start["encoder.mamba_layers.1.mamba.dt_proj.bias"]
            |> Array.map (fun x -> log (1.0 + exp x))

        Expect.all steps (fun step -> step > 0.0009 && step < 0.101) "time steps"
    }
]

let private nameTests = [
    test "a tensor has both of its published names, and either is enough to load it" {
        use _scope = torch.NewDisposeScope()
        use first = build (slim NnUNet.plain)
        use second = NetworkBuilder.Build(slim NnUNet.plain, 2, 3, patch, 2L)
        let state = first.state_dict ()

        let both = [
            "encoder.stages.0.0.convs.0.conv.weight"
            "decoder.encoder.stages.0.0.convs.0.all_modules.0.weight"
        ]

        for name in both do
            Expect.isTrue (state.ContainsKey name) name

        let once = StateDict.Once first
        Expect.equal once.Count (Seq.length (first.named_parameters ())) "each tensor once"
        StateDict.Load(second, once)

        for name in both do
            Expect.equal (values (second.state_dict()[name])) (values state[name]) $"{name} is loaded"

        let lacking = StateDict.Once first
        lacking.Remove both.Head |> ignore

        Expect.throwsC (fun () -> StateDict.Load(second, lacking)) (fun error ->
            Expect.stringContains error.Message both.Head "named")
    }
]

let private sizeTests = [
    test "sides that the strides do not divide are refused" {
        use _scope = torch.NewDisposeScope()
        use built = build (slim NnUNet.plain)

        Expect.throwsC (fun () -> built.Predict(volume 3 (Size3.create 16 36 32)) |> ignore) (fun error ->
            Expect.isTrue (error :? ModelException) "an error for users"
            Expect.stringContains error.Message "multiples of 4×8×8" "the rule")
    }

    test "another size than the patch's: fine for convolutions, refused by layers over channels" {
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let other = volume 4 (Size3.create 16 32 64)
        use plain = build (slim NnUNet.plain)
        Expect.equal (shape (plain.Predict other)) [ 1; 3; 16; 32; 64 ] "the map's shape"

        let wide =
            UMamba.enc
            |> UNetPlan.resolveFor patch
            |> mapChannels (fun channels -> channels / 2)

        use enc = build wide

        Expect.throwsC (fun () -> enc.Predict other |> ignore) (fun error ->
            Expect.isTrue (error :? ModelException) "an error for users"
            Expect.stringContains error.Message "its own patch size" "why")
    }
]

let private live () =
    DisposeScopeManager.Statistics.ThreadTotalLiveCount

let private stateTests = [
    for network in [ NnUNet.resEncM; UMamba.enc ] do
        test $"{network.Name}: steps leave no tensor behind" {
            use built = build (slim network)

            let step () =
                use _scope = torch.NewDisposeScope()
                let maps = built.call (volume 8 patch)
                let loss = maps |> Seq.map _.mean() |> Seq.reduce (fun a b -> a + b)
                loss.backward ()
                built.zero_grad ()

            let steps = [
                for _ in 1..4 ->
                    step ()
                    live ()
            ]

            Expect.equal steps[1..] [ steps[0]; steps[0]; steps[0] ] "live tensors after each step"
        }

    test "computing in bf16 gives maps in float32, close to float32's" {
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        use built = build (slim UMamba.bot)
        let input = volume 11 patch
        let single = built.Predict input
        built.ComputeType <- Nullable torch.ScalarType.BFloat16
        let half = built.Predict input
        Expect.equal half.dtype torch.ScalarType.Float32 "the map's type"
        Expect.isLessThan (difference single half) 0.1 "close"
        Expect.isGreaterThan (difference single half) 0.0 "but not the same"
    }
]

let tests =
    testList "models/unets" [
        for network in networks do
            test $"{network.Name}: runs forward and backward" { forwardAndBackward (slim network) }
        yield! startTests
        yield! nameTests
        yield! sizeTests
        yield! stateTests
    ]
