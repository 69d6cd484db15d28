/// Whole epochs of a training with nnU-Net's default augmentation beside the network's bare steps, and what memory does meanwhile.
module MedSegDsl.Bench.Steps.Epochs

open System
open System.Diagnostics
open System.IO
open TorchSharp
open MedSegDsl
open MedSegDsl.Kernels.Cuda
open MedSegDsl.Models
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Preprocessing
open MedSegDsl.Runtime.Storage
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Augmentations
open MedSegDsl.Runtime.Training.Loading
open MedSegDsl.Runtime.Training.Progress
open MedSegDsl.Runtime.Training.Sampling
open MedSegDsl.Bench.Steps.Networks
open MedSegDsl.Tests.Golden

let private caseShape = [ 96; 240; 240 ]
let private cases = 8
let private iterations = 250
let private axes (size: Size3) = [| size.D; size.H; size.W |]

/// A case of noise over blobs of all classes, as preprocessing leaves it.
let private write folder (name: string) =
    let shape = Array.ofList caseShape

    let labels =
        Formula.blobs $"bench/epoch/{name}" caseShape (classes - 1) [ 12; 24; 24 ]
        |> Array.map int16

    let noise = Formula.unitSingle $"bench/epoch/{name}" (Formula.count caseShape)

    let image =
        Array.map2 (fun label v -> float32 label / float32 classes + v) labels noise

    let located =
        labels
        |> Seq.indexed
        |> Seq.filter (fun (_, label) -> label > 0s)
        |> Seq.groupBy snd
        |> Seq.map (fun (label, voxels) ->
            ClassLocations(
                [| int label |],
                [|
                    for i, _ in Seq.truncate 10000 voxels do
                        i / (shape[1] * shape[2])
                        i / shape[2] % shape[1]
                        i % shape[2]
                |]
            ))

    let properties =
        CaseProperties([| 1.0; 1.0; 1.0 |], shape, [| for n in shape -> [| 0; n |] |], shape)

    VolumeStore.Write(
        folder,
        name,
        PreprocessedCase(
            ImageArray(image, 1, shape),
            ImageArray(labels, 1, shape),
            properties,
            Array.ofSeq located
        )
    )

    VolumeStore.Open(folder, name)

let private labels =
    LabelManager(
        [|
            for label in 0 .. classes - 1 ->
                LabelEntry((if label = 0 then "background" else $"class {label}"), [| label |], false)
        |],
        null
    )

/// Writes an epoch's line and what memory it left.
type private Lines() =
    let host () =
        use self = Process.GetCurrentProcess()
        float self.WorkingSet64 / 1e9

    interface ITrainingProgress with
        member _.Started _ = ()
        member _.Stepped _ = ()
        member _.Noted _ = ()
        member _.Ended() = ()

        member _.EpochEnded(curves, _) =
            let struct (free, total) = CudaDriver.Memory()

            printfn
                $"epoch {curves.Epochs.Count}: {curves.Epochs[curves.Epochs.Count - 1].Seconds:F2} s, {torch.Tensor.TotalCount} live tensors, device {float (total - free) / float (1L <<< 30):F2} GiB, host {host ():F2} GB"

let private bareSteps name =
    use trained = new Trained(name, Precision.Float32)
    trained.Training true

    let steps count =
        let watch = Stopwatch.StartNew()

        for _ in 1..count do
            trained.Step ignore

        torch.cuda.synchronize ()
        watch.Elapsed.TotalSeconds

    steps 10 |> ignore
    steps iterations

/// Runs so many epochs of a training and then its bare steps.
let run epochs name =
    let folder = Directory.CreateTempSubdirectory "medseg-bench-"

    try
        let opened = [| for i in 1..cases -> write folder.FullName $"case_{i}" |]
        let gpu = torch.device "cuda:0"
        TrainingDevice.UseTensorCores()

        let experiment =
            Experiment.create { Id = 999; Name = "Formula" } (definition name)
            |> withOptimizer (Optimizer.AdamW(1e-4, 3e-5, 1e-8))
            |> withIterations iterations 1
            |> withEpochs (LanguagePrimitives.Int32WithMeasure epochs)
            |> withBatch 2
            |> withPatch patch

        use network = NetworkBuilder.Build(experiment.Network, channels, classes, patch, 0L)

        network.``to`` gpu |> ignore

        let stored = [| for case in opened -> case :> ITrainingCase |]

        let setup =
            TrainingSetup(
                Experiment = experiment,
                ExperimentJson = "{}",
                Identity = TrainingIdentity.Of(experiment, Fold.Index 0, 0),
                Definition = experiment.Network,
                Network = network,
                Labels = labels,
                BatchDice = false,
                Patch = axes patch,
                Batch = 2,
                TrainingCases = stored,
                ValidationCases = stored,
                Augmentation = Augmenter(experiment.Augmentation, axes patch),
                Device = gpu,
                Folder = FoldFolder(Path.Combine(folder.FullName, "results"))
            )

        do
            use trainer = new Trainer(setup, Lines())
            trainer.Begin false
            trainer.Run()
            let fastest = trainer.Curves.Epochs |> Seq.map _.Seconds |> Seq.min
            let bare = bareSteps name

            printfn
                $"{name}: {iterations} bare steps {bare:F2} s, the fastest epoch with one validation batch {fastest:F2} s, ratio {fastest / bare:F3}, {Environment.ProcessorCount} cores"

        for case in opened do
            case.Dispose()
    finally
        folder.Delete true
