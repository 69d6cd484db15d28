module MedSegDsl.Tests.Dsl.ValidationTests

open Expecto
open FsCheck
open FsCheck.FSharp
open MedSegDsl

let private errors =
    function
    | Ok _ -> []
    | Error(errors: DslError list) -> errors

let private paths result = [ for error in errors result -> error.Path ]

let private inEncoder index change =
    mapEncoder (fun i stage -> if i = index then change stage else stage)

let private inDecoder index change =
    mapDecoder (fun i stage -> if i = index then change stage else stage)

let private mamba change =
    function
    | Mixer.Mamba mixer -> Mixer.Mamba(change mixer)
    | other -> other

/// Breakages of UlikeMamba_3dMT that do not touch each other, with the path of the one error that each makes.
let private breakages: (string * (Network -> Network)) list = [
    "name", named "a/b"
    "architecture.stem.channels", mapUShape (fun s -> { s with UShape.Stem.Channels = 0 })
    "architecture.stem.kernel", mapUShape (fun s -> { s with UShape.Stem.Kernel = 4 })
    "architecture.stem.stride.h",
    mapUShape (fun s -> {
        s with
            UShape.Stem.Stride = Size3.create 1 0 2
    })
    "architecture.encoder[0].channels", inEncoder 0 (fun s -> { s with Channels = -48 })
    "architecture.encoder[0].depth", inEncoder 0 (fun s -> { s with EncoderStage.Depth = 0 })
    "architecture.encoder[1].stride.d",
    inEncoder 1 (fun s -> {
        s with
            EncoderStage.Stride = Size3.create 0 2 2
    })
    "architecture.encoder[2].embedding.kernels[1]",
    inEncoder 2 (fun s -> {
        s with
            Embedding = Embedding.FusedBeforeMixers([ 3; 6 ], Fusion.Sum)
    })
    "architecture.encoder[3].mixer.convolution.kernel",
    inEncoder 3 (fun s -> {
        s with
            Mixer =
                s.Mixer
                |> mamba (fun m -> {
                    m with
                        Convolution = DepthwiseConv.Volume3d 2
                })
    })
    "architecture.encoder[3].mixer.scan",
    inEncoder 3 (fun s -> {
        s with
            Mixer = s.Mixer |> mamba (fun m -> { m with Scan = [] })
    })
    "architecture.decoder[0].mixer.scan[1]",
    inDecoder 0 (fun s -> {
        s with
            Mixer =
                s.Mixer
                |> mamba (fun m -> {
                    m with
                        Scan = [ ScanOrder.UpDown; ScanOrder.UpDown ]
                })
    })
    "architecture.decoder[0].mixer.stateSize",
    inDecoder 0 (fun s -> {
        s with
            Mixer = s.Mixer |> mamba (fun m -> { m with StateSize = 0 })
    })
    "architecture.decoder[1].mixer.heads",
    inDecoder 1 (fun s -> {
        s with
            Mixer =
                Mixer.Attention {
                    Heads = 3
                    Reduction = 1
                    FeedForwardRatio = 4
                    QkvBias = true
                    NormEpsilon = 1e-6
                }
    })
    "architecture.decoder[2].depth", inDecoder 2 (fun s -> { s with DecoderStage.Depth = -1 })
    "activation.slope", withActivation (Activation.LeakyReLU nan)
]

let private subset = Gen.subListOf breakages |> Arb.fromGen

let private dataset = { Id = 218; Name = "AMOS2022" }

/// ES1 and DS3 reduce by 9, which takes a patch of 32 voxels and more along the depth.
let private tooReduced =
    UlikeTrans.sra |> withHeadsAndReductions [ 1, 9 ] [ 8, 2; 4, 4; 2, 9 ]

let private experiment = Experiment.create dataset UlikeMamba.threeD

let tests =
    testList "dsl/validation" [
        testCase "every network of the catalogue is valid, alone and for its patches"
        <| fun () ->
            for network in Networks.all do
                Expect.equal (Network.validate network) (Ok network) network.Name

                Expect.equal
                    (network |> Network.validateFor (Size3.create 64 192 160, 1, 16))
                    (Ok network)
                    network.Name

        testProperty "n breakages give n errors, with these paths, in order"
        <| Prop.forAll subset (fun chosen ->
            let network =
                (UlikeMamba.multiTri, chosen)
                ||> List.fold (fun network (_, change) -> change network)

            Expect.equal (paths (Network.validate network)) (List.map fst chosen |> List.sort) "paths")

        testProperty "a heads error names a divisor of the channels"
        <| Prop.forAll (Gen.choose (1, 600) |> Arb.fromGen) (fun heads ->
            let network = UlikeTrans.sra |> withHeadsAndReductions [ heads, 6 ] []
            let found = paths (Network.validate network)

            Expect.equal
                found
                (if 48 % heads = 0 then
                     []
                 else
                     [ "architecture.encoder[0].mixer.heads" ])
                $"{heads} heads")

        testCase "an error says where, what, and what would be right"
        <| fun () ->
            let network = UlikeTrans.sra |> withHeadsAndReductions [ 1, 6; 2, 4; 3, 2 ] []

            Expect.equal
                (Network.validate network |> errors |> DslError.render)
                "architecture.encoder[2].mixer.heads: 3 found; it must be a divisor of the stage's 256 channels, such as 2 or 4"
                "text"

        testCase "tenth stages come after second stages"
        <| fun () ->
            let network =
                UlikeMamba.threeD
                |> mapUShape (fun shape -> {
                    shape with
                        Encoder = List.replicate 12 shape.Encoder.Head
                        Decoder = List.replicate 11 shape.Decoder.Head
                })
                |> mapEncoder (fun i s ->
                    if i = 2 || i = 10 then
                        { s with EncoderStage.Depth = 0 }
                    else
                        s)

            Expect.equal
                (paths (Network.validate network))
                [ "architecture.encoder[2].depth"; "architecture.encoder[10].depth" ]
                "order"

        testCase "the decoder has one stage fewer than the encoder"
        <| fun () ->
            let network =
                UlikeMamba.threeD
                |> mapUShape (fun shape -> {
                    shape with
                        Decoder = List.tail shape.Decoder
                })

            Expect.equal (paths (Network.validate network)) [ "architecture.decoder" ] "path"

        testCase "group norm divides the channels of every volume"
        <| fun () ->
            Expect.isOk
                (UlikeMamba.threeD |> withNorm (Norm.Group 16) |> Network.validate)
                "16 divides them all"

            Expect.equal
                (UlikeMamba.threeD |> withNorm (Norm.Group 32) |> Network.validate |> paths)
                [ "norm.groups" ]
                "48 is no multiple of 32"

        testCase "a patch that the strides do not divide names the nearest that fit"
        <| fun () ->
            let result =
                UlikeMamba.threeD |> Network.validateFor (Size3.create 60 192 170, 0, 16)

            Expect.equal
                (result |> errors |> DslError.render)
                (String.concat System.Environment.NewLine [
                    "channels: 0 found; it must be 1 or more"
                    "patch.d: 60 found; it must be a multiple of 16, the nearest being 48 or 64"
                    "patch.w: 170 found; it must be a multiple of 32, the nearest being 160 or 192"
                ])
                "text"

        testCase "a network says which patches it takes"
        <| fun () ->
            let rule = Network.patchRule UlikeMamba.threeD
            Expect.equal (string rule) "multiples of 16×32×32" "in a line"
            Expect.equal (Network.fitPatch (Size3.cube 100) UlikeMamba.threeD) (Size3.cube 100) "no rounding"

            Expect.equal
                (PatchRule.fit (Size3.create 100 96 1) { rule with RoundsUp = true })
                (Size3.create 112 96 32)
                "rounded up"

        testCase
            "a reduction larger than its volume, and a lowest stage of one voxel, are errors of the patch"
        <| fun () ->
            Expect.equal
                (tooReduced |> Network.validateFor (Size3.create 16 64 64, 1, 2) |> paths)
                [
                    "architecture.decoder[2].mixer.reduction"
                    "architecture.encoder[0].mixer.reduction"
                ]
                "9 on volumes 8 deep"

            Expect.equal
                (UlikeMamba.threeD |> Network.validateFor (Size3.create 16 32 32, 1, 2) |> paths)
                [ "patch" ]
                "one voxel"

        testCase "an experiment with nnU-Net's defaults is valid"
        <| fun () ->
            Expect.equal (Experiment.validate experiment) (Ok experiment) "as created"
            Expect.isOk (experiment |> asInUlikeMambaTrainer |> Experiment.validate) "the paper's trainer"

        testCase "an experiment's errors come all at once, its network's under network"
        <| fun () ->
            let wrong =
                {
                    experiment with
                        Experiment.Dataset.Id = 0
                        Configuration = Configuration.TwoD
                        GradientClipping = -1.0
                        ForegroundOversampling = 1.5
                        Device = Device.Cuda -1
                }
                |> withFolds [ 0; 1; 0 ]
                |> withSeeds []
                |> withEpochs 0<epoch>
                |> withBatch 0
                |> withOptimizer (Optimizer.SgdNesterov(0.0, 1.0, -1.0))
                |> withSchedule (Schedule.Polynomial 0.0)
                |> withNetwork (
                    UlikeMamba.threeD
                    |> withStateSize 0
                    |> mapDecoder (fun _ s -> {
                        s with
                            Mixer = Mixer.PlainConvolution 3
                    })
                )

            Expect.equal
                (paths (Experiment.validate wrong))
                [
                    "batch"
                    "configuration"
                    "dataset.id"
                    "device.index"
                    "epochs"
                    "folds[2]"
                    "foregroundOversampling"
                    "gradientClipping"
                    for stage in 0..3 do
                        $"network.architecture.encoder[{stage}].mixer.stateSize"
                    "optimizer.learningRate"
                    "optimizer.momentum"
                    "optimizer.weightDecay"
                    "schedule.exponent"
                    "seeds"
                ]
                "paths"

        testCase "warm-up, top-k, accumulation and patience must fit the training"
        <| fun () ->
            let wrong =
                experiment
                |> withEpochs 50<epoch>
                |> withSchedule (
                    Schedule.WarmUp(20<epoch>, Schedule.WarmUp(30<epoch>, Schedule.Polynomial 0.0))
                )
                |> withLoss (Loss.DiceTopK 0.0)
                |> withIterations 250 50
                |> withBatchesPerStep 3
                |> withEarlyStop (EarlyStop.Patience 0<epoch>)

            Expect.equal
                (paths (Experiment.validate wrong))
                [
                    "batchesPerStep"
                    "earlyStop.epochs"
                    "loss.percent"
                    "schedule.next.epochs"
                    "schedule.next.next.exponent"
                ]
                "paths"

            let right =
                experiment
                |> withSchedule (Schedule.WarmUp(50<epoch>, Schedule.Polynomial 0.9))
                |> withLoss (Loss.DiceTopK 10.0)
                |> withBatchesPerStep 5
                |> withEarlyStop (EarlyStop.Patience 100<epoch>)

            Expect.isOk (Experiment.validate right) "all of them"

        testCase "augmentation steps have probabilities, intervals and axes that mean something"
        <| fun () ->
            let between low high = { Low = low; High = high }

            let intensity change =
                AugmentationStep.Intensity(0.5, 1.0, change)

            let affine =
                match Augmentation.nnUNet.Head with
                | AugmentationStep.Spatial(_, SpatialChange.Affine change) -> change
                | _ -> failtest "nnU-Net's augmentation begins with the affine change"

            let affineStep change =
                AugmentationStep.Spatial(1.0, SpatialChange.Affine change)

            let wrong = [
                AugmentationStep.Intensity(1.5, -0.1, IntensityChange.Gamma(between 2.0 1.0, true))
                intensity (IntensityChange.LowResolution(between 0.5 1.5))
                intensity (IntensityChange.MedianFilter(4, 2))
                AugmentationStep.Spatial(0.5, SpatialChange.Mirror [ 0; 3; 0 ])
                affineStep {
                    affine with
                        Scaling = between 0.0 1.0
                        Margin = 1.5
                        Rotation = Rotation.Degrees 200.0
                }
                AugmentationStep.OneOf []
                AugmentationStep.OneOf [ affineStep affine ]
                AugmentationStep.Cascade(0.5, 2.0, CascadeChange.Morphology(between -1.0 8.0))
            ]

            Expect.equal
                (paths (Experiment.validate (withAugmentation wrong experiment)))
                [
                    "augmentation"
                    "augmentation[0].change.exponent.high"
                    "augmentation[0].channelProbability"
                    "augmentation[0].probability"
                    "augmentation[1].change.scale.high"
                    "augmentation[2].change.largest"
                    "augmentation[3].change.axes[1]"
                    "augmentation[3].change.axes[2]"
                    "augmentation[4].change.margin"
                    "augmentation[4].change.rotation.largest"
                    "augmentation[4].change.scaling.low"
                    "augmentation[5].steps"
                    "augmentation[6].steps"
                    "augmentation[7].change.radius.low"
                    "augmentation[7].labelProbability"
                ]
                "paths"

            for steps in
                [
                    Augmentation.nnUNet
                    Augmentation.noMirroring
                    Augmentation.da5
                    Augmentation.mirroring
                    Augmentation.off
                ] do
                Expect.isOk (experiment |> withAugmentation steps |> Experiment.validate) "presets"

        testCase "an experiment's own patch must suit its network"
        <| fun () ->
            Expect.equal
                (experiment
                 |> withPatch (Size3.create 64 192 100)
                 |> Experiment.validate
                 |> paths)
                [ "patch.w" ]
                "a multiple of 32"

            Expect.equal
                (experiment
                 |> withNetwork tooReduced
                 |> withPatch (Size3.create 16 64 64)
                 |> Experiment.validate
                 |> paths)
                [
                    "network.architecture.decoder[2].mixer.reduction"
                    "network.architecture.encoder[0].mixer.reduction"
                ]
                "the stages that the patch is too small for"
    ]
