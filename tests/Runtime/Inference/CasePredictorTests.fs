/// From an image file to a label map on its grid, with a network that is a threshold.
module MedSegDsl.Tests.Runtime.Inference.CasePredictorTests

open System
open System.IO
open Expecto
open TorchSharp
open MedSegDsl.Kernels
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Inference
open MedSegDsl.Runtime.Planning
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

/// The first output is 0, the second the first channel, every other one far below.
let private threshold outputs : Func<torch.Tensor, torch.Tensor> =
    Func<_, _>(fun (tile: torch.Tensor) ->
        let first = tile.narrow (1, 0L, 1L)

        let maps = [|
            for output in 0 .. outputs - 1 ->
                match output with
                | 0 -> torch.zeros_like first
                | 1 -> first
                | _ -> torch.full_like (first, -100.0)
        |]

        torch.cat (maps, 1L))

let private planned = [
    for name in Folder.folders [ "pipeline"; "planned" ] do
        if Directory.Exists(Folder.at [ "pipeline"; "raw"; name ]) then
            name
]

let private image name =
    let dataset = DatasetJson.ReadFrom(Folder.at [ "pipeline"; "raw"; name ])

    let files =
        CaseList.ImagesIn(Folder.at [ "pipeline"; "raw"; name; "imagesTs" ], dataset.FileEnding)

    dataset, (ImageReaders.ByName "NibabelIO").ReadChannels(files[0].Images)

let private whole =
    testList "golden/pipeline/planned/prediction" [
        for name in planned do
            for configuration in [ "2d"; "3d_fullres" ] ->
                test $"{name}, {configuration}: a threshold comes back to the image's grid" {
                    NativeLibtorch.Load() |> ignore
                    let dataset, image = image name

                    let plans =
                        Plans.Read(Folder.at [ "pipeline"; "planned"; name; "nnUNetPlans.json" ])

                    let configuration = plans.Configuration configuration
                    // One tile is enough here: what is tested is the way there and back.
                    let options =
                        SlidingWindowOptions(configuration.PatchSize, [| 1 |], StepFraction = 1.0)

                    use predictor =
                        new CasePredictor(plans, configuration, dataset.LabelManager, options, torch.CPU)

                    let prepared = predictor.Preprocess image

                    let networks = [|
                        threshold dataset.LabelManager.Outputs
                        threshold dataset.LabelManager.Outputs
                    |]

                    let logits = predictor.Predict(networks, prepared.Image)
                    let map = predictor.Segment(logits, prepared.Properties)

                    let struct (same, probabilities) =
                        predictor.SegmentWithProbabilities(logits, prepared.Properties)

                    Expect.equal map.Shape image.Voxels.Shape "the image's grid"
                    Expect.equal same.Data map.Data "the same map with probabilities"
                    Expect.equal probabilities.Shape image.Voxels.Shape "their grid"

                    // Normalization is increasing: some threshold on the image gives nearly the same map.
                    let values = (image.Voxels.Channel 0).ToArray()

                    let marked =
                        match dataset.LabelManager.RegionsClassOrder with
                        | null -> 1s
                        | order -> int16 order[1]

                    let inside = map.Data |> Array.map (fun label -> label = marked)
                    let volume = inside |> Seq.filter id |> Seq.length
                    let border = (values |> Array.sortDescending)[volume]

                    let agree =
                        Array.zip values inside
                        |> Seq.filter (fun (value, isInside) -> (value > border) = isInside)
                        |> Seq.length

                    Expect.isGreaterThan volume 500 "something is above the threshold"
                    Expect.isLessThan volume (map.Data.Length - 500) "something is below it"
                    let share = float agree / float map.Data.Length
                    Expect.isGreaterThan share 0.93 $"the share of voxels that agree: {share}"
                }
    ]

/// A predictor of a golden data set whose tiles are small, so that an image has many and its slices come in several pieces.
let private inSmallTiles name (configuration: string) (note: string -> unit) run =
    NativeLibtorch.Load() |> ignore
    let dataset, image = image name

    let plans =
        Plans.Read(Folder.at [ "pipeline"; "planned"; name; "nnUNetPlans.json" ])

    let configuration = plans.Configuration configuration

    let patch =
        if configuration.PatchSize.Length = 2 then
            [| 40; 48 |]
        else
            [| 8; 40; 48 |]

    use predictor =
        new CasePredictor(
            plans,
            configuration,
            dataset.LabelManager,
            SlidingWindowOptions(patch, [||]),
            torch.CPU,
            Note = Action<string> note
        )

    run predictor (predictor.Preprocess image) dataset.LabelManager.Outputs

let private slabs =
    testList "golden/pipeline/planned/prediction by slabs" [
        for name in planned do
            for configuration in [ "2d"; "3d_fullres" ] ->
                test $"{name}, {configuration}: is the prediction of the whole" {
                    inSmallTiles name configuration ignore (fun predictor prepared outputs ->
                        let networks = [| threshold outputs; threshold outputs |]

                        let whole =
                            predictor.Segment(
                                predictor.Predict(networks, prepared.Image),
                                prepared.Properties
                            )

                        let slabs = predictor.PredictLabels(networks, prepared)
                        Expect.equal slabs.Shape whole.Shape "the image's grid"

                        let different =
                            Seq.zip whole.Data slabs.Data |> Seq.filter (fun (a, b) -> a <> b) |> Seq.length

                        let marked = whole.Data |> Seq.filter (fun label -> label <> 0s) |> Seq.length
                        Expect.isGreaterThan marked 500 "something is above the threshold"
                        Expect.isLessThan different (1 + marked / 10000) "equal, up to a rounded tie")
                }
    ]

/// A network that runs out of memory so many times.
let private forgetful times outputs =
    let mutable left = times

    Func<torch.Tensor, torch.Tensor>(fun tile ->
        if left > 0 then
            left <- left - 1
            raise (InvalidOperationException "CUDA out of memory. Tried to allocate 15.81 GiB")

        (threshold outputs).Invoke tile)

let private memory =
    testList "golden/pipeline/planned/prediction without memory" [
        for name in List.truncate 1 planned ->
            test $"{name}: goes on with less and says so, or says what does not fit" {
                let notes = Collections.Generic.List<string>()

                inSmallTiles name "3d_fullres" notes.Add (fun predictor prepared outputs ->
                    let expected = predictor.PredictLabels([| threshold outputs |], prepared)
                    let actual = predictor.PredictLabels([| forgetful 1 outputs |], prepared)

                    let different =
                        Seq.zip expected.Data actual.Data
                        |> Seq.filter (fun (a, b) -> a <> b)
                        |> Seq.length

                    Expect.isLessThan
                        different
                        (expected.Data.Length / 200)
                        "the same but for half precision"

                    Expect.hasLength notes 1 "one line"
                    Expect.stringContains notes[0] "half precision" "what it does now"

                    TemporaryFolder.expectsLine [ "patch of 8 × 40 × 48" ] (fun () ->
                        predictor.PredictLabels([| forgetful 5 outputs |], prepared) |> ignore))
            }
    ]

let tests = testList "" [ whole; slabs; memory ]
