/// A training that takes a second: balls in noise, a U-shape of a few channels.
module MedSegDsl.Tests.Runtime.Training.SmallTraining

open System
open System.Threading
open TorchSharp
open MedSegDsl
open MedSegDsl.Models
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Distributed
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Augmentations
open MedSegDsl.Runtime.Training.Loading
open MedSegDsl.Runtime.Training.Progress
open MedSegDsl.Runtime.Training.Sampling

let patch = Size3.create 8 16 16
let patchAxes = [| 8; 16; 16 |]

/// A case with a bright ball (label 2) in a grey one (label 1).
type BallCase(id: string, seed: int) =
    let shape = [| 14; 24; 20 |]
    let random = Random seed
    let centre = [| for n in shape -> float n * (0.35 + 0.3 * random.NextDouble()) |]

    let label (z, y, x) =
        let distance =
            sqrt (
                2.0 * (float z - centre[0]) ** 2.0
                + (float y - centre[1]) ** 2.0
                + (float x - centre[2]) ** 2.0
            )

        if distance < 3.5 then 2s
        elif distance < 7.0 then 1s
        else 0s

    let voxels = [|
        for z in 0 .. shape[0] - 1 do
            for y in 0 .. shape[1] - 1 do
                for x in 0 .. shape[2] - 1 -> (z, y, x)
    |]

    let labels = Array.map label voxels

    let image =
        labels |> Array.map (fun l -> float32 l + float32 (random.NextDouble()) - 1f)

    let locations = [|
        for value in [ 1s; 2s ] ->
            let found = Array.zip voxels labels |> Array.filter (fun (_, l) -> l = value)

            ClassLocations(
                [| int value |],
                [|
                    for (z, y, x), _ in found do
                        yield! [ z; y; x ]
                |]
            )
    |]

    /// How often a patch was read.
    member val Reads = 0 with get, set

    /// What every voxel of the image is multiplied with.
    member val Factor = 1f with get, set

    /// How long reading a patch takes, in milliseconds.
    member val Delay = 0 with get, set

    /// What reading a patch ends with.
    member val Failure: exn option = None with get, set

    interface ITrainingCase with
        member _.Id = id
        member _.Channels = 1
        member _.Shape = shape
        member _.Locations = locations

        member this.ReadPatch(corner, size, pixels, segmentation) =
            this.Reads <- this.Reads + 1
            this.Failure |> Option.iter raise
            Thread.Sleep this.Delay
            let mutable i = 0

            for z in corner[0] .. corner[0] + size[0] - 1 do
                for y in corner[1] .. corner[1] + size[1] - 1 do
                    for x in corner[2] .. corner[2] + size[2] - 1 do
                        let inside =
                            z >= 0 && z < shape[0] && y >= 0 && y < shape[1] && x >= 0 && x < shape[2]

                        let source = (z * shape[1] + y) * shape[2] + x
                        pixels[i] <- if inside then image[source] * this.Factor else 0f
                        segmentation[i] <- if inside then labels[source] else -1s
                        i <- i + 1

let cases prefix seed count = [| for i in 1..count -> BallCase($"{prefix}{i}", seed + i) |]

let private asCases (balls: BallCase[]) = [| for ball in balls -> ball :> ITrainingCase |]

let labels =
    LabelManager(
        [|
            LabelEntry("background", [| 0 |], false)
            LabelEntry("shell", [| 1 |], false)
            LabelEntry("core", [| 2 |], false)
        |],
        null
    )

/// Two stages of plain convolutions and one of Mamba layers below.
let network =
    let stage channels mixer = {
        Channels = channels
        Stride = Size3.cube 2
        Embedding = Embedding.Convolution 3
        Depth = 1
        Mixer = mixer
    }

    let mamba =
        Mixer.Mamba {
            Convolution = DepthwiseConv.Volume3d 3
            Scan = Scan.dual
            ScanFusion = Fusion.Mean
            Ssm = SsmParameters.SharedWithUnusedCopies
            StateSize = 4
            Expansion = 2
        }

    let plain = Mixer.PlainConvolution 3

    {
        Name = "small"
        Architecture =
            Architecture.UShape {
                Stem = {
                    Channels = 6
                    Kernel = 3
                    Stride = Size3.create 1 2 2
                }
                Encoder = [ stage 8 plain; stage 12 mamba ]
                Decoder = [
                    {
                        Upsampling = Upsampling.Trilinear
                        Depth = 1
                        Mixer = plain
                    }
                ]
                PositionEmbedding = PositionEmbedding.Learned
            }
        Norm = Norm.Instance
        Activation = Activation.LeakyReLU 0.01
        Initialisation = Initialisation.Mamba
        DeepSupervision = true
    }

let experiment =
    Experiment.create { Id = 999; Name = "Balls" } network
    |> withOptimizer (Optimizer.AdamW(0.01, 1e-4, 1e-8))
    |> withIterations 3 2
    |> withBatch 2
    |> withPatch patch
    |> withAugmentation Augmentation.mirroring
    |> withDevice Device.Cpu

/// How a training differs from the usual one: its processes, its batch, its labels.
[<NoComparison; NoEquality>]
type Variant = {
    Ranks: ICommunicator
    Batch: int
    BatchDice: bool
    Labels: LabelManager
    BucketBytes: int64
    Device: torch.Device
}

/// One process, two samples.
let usual = {
    Ranks = SingleProcess.Instance
    Batch = 2
    BatchDice = false
    Labels = labels
    BucketBytes = GradientReducer.DefaultBucketBytes
    Device = torch.CPU
}

/// A training of an experiment in a folder that saves every so many epochs; its network is the caller's to dispose.
let setupOf variant interval (experiment: Experiment) seed folder (training: BallCase[]) =
    let network =
        NetworkBuilder.Build(experiment.Network, 1, variant.Labels.Outputs, patch, int64 seed)

    network.``to`` variant.Device |> ignore

    TrainingSetup(
        Experiment = experiment,
        ExperimentJson = "{}",
        Identity = TrainingIdentity.Of(experiment, Fold.Index 0, seed),
        Definition = experiment.Network,
        Network = network,
        Labels = variant.Labels,
        BatchDice = variant.BatchDice,
        Patch = patchAxes,
        Batch = variant.Batch,
        Ranks = variant.Ranks,
        GradientBucketBytes = variant.BucketBytes,
        TrainingCases = asCases training,
        ValidationCases = asCases (cases "validation" 50 2),
        Augmentation = Augmenter(experiment.Augmentation, patchAxes),
        Device = variant.Device,
        Folder = FoldFolder folder,
        CheckpointInterval = interval
    )

/// The usual one.
let setupSaving interval = setupOf usual interval

/// One that saves every other epoch.
let setup experiment = setupSaving 2 experiment

/// Every weight of a network, by name.
let weights (network: SegmentationNetwork) = [
    for struct (name, parameter) in network.named_parameters () ->
        name, parameter.detach().data<float32>().ToArray()
]

/// What listeners are told of it, with so many of its epochs done before.
let overview doneEpochs epochs =
    TrainingOverview(
        "Dataset999_Balls, 3d_fullres, fold 0, seed 1",
        "small",
        12345L,
        patchAxes,
        2,
        3,
        2,
        "CPU, 2 threads",
        [| "shell"; "core" |],
        doneEpochs,
        epochs,
        "/results/fold_0"
    )
