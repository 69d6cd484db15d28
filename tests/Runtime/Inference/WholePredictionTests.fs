/// Predictions from the image file to the label map, beside nnU-Net's own (tests/golden/pipeline/whole/README.md).
module MedSegDsl.Tests.Runtime.Inference.WholePredictionTests

open System
open System.IO
open System.Text.Json
open Expecto
open TorchSharp
open MedSegDsl.Kernels
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Inference
open MedSegDsl.Runtime.Planning
open MedSegDsl.Tests.Golden

let private whole name = Folder.at [ "pipeline"; "whole"; name ]

/// Probabilities that are nearer than this to each other, or to a half, may be decided either way.
[<Literal>]
let private tie = 1e-4f

let private tensor key (shape: int64 list) =
    let values = Formula.unitSingle key (shape |> List.map int |> Formula.count)
    let flat = torch.tensor (values: float32[])
    flat.reshape (Array.ofList shape)

/// The network of a fold: one convolution over all channels of its input.
let private network key fold axes outputs : Func<torch.Tensor, torch.Tensor> =
    Func<_, _>(fun (tile: torch.Tensor) ->
        let kernel = List.replicate axes 3L

        let weight = tensor $"{key}/{fold}/w" ([ int64 outputs; tile.shape[1] ] @ kernel)

        let bias = tensor $"{key}/{fold}/b" [ int64 outputs ]

        if axes = 3 then
            torch.nn.functional.conv3d (tile, weight, bias, padding = [| 1L; 1L; 1L |])
        else
            torch.nn.functional.conv2d (tile, weight, bias, padding = [| 1L; 1L |]))

/// Whether the probabilities of a voxel decide for no label clearly.
let private isTie (probabilities: Logits) areRegions voxel =
    let values = [| for channel in probabilities.Channels -> channel[voxel] |]

    if areRegions then
        values |> Array.exists (fun value -> abs (value - 0.5f) < tie)
    else
        let sorted = Array.sortDescending values
        sorted[0] - sorted[1] < tie

let private text (case: JsonElement) (name: string) =
    string ((case.GetProperty name).GetString())

let private differing (expected: int16[]) (actual: int16[]) = [
    for voxel in 0 .. expected.Length - 1 do
        if expected[voxel] <> actual[voxel] then
            voxel
]

let private check (case: JsonElement) =
    NativeLibtorch.Load() |> ignore
    use _ = torch.NewDisposeScope()
    let text = text case
    let raw = [ "pipeline"; "raw"; text "dataset" ]
    let dataset = DatasetJson.ReadFrom(Folder.at raw)

    let plans =
        Plans.Read(Folder.at [ "pipeline"; "planned"; text "dataset"; text "plans" + ".json" ])

    let reader = ImageReaders.ByName plans.ImageReaderWriter

    let files =
        CaseList.ImagesIn(Folder.at (raw @ [ "imagesTs" ]), dataset.FileEnding)
        |> Seq.find (fun files -> files.Id = text "case")

    let previous: ImageArray<int16> | null =
        match case.TryGetProperty "previous_stage" with
        | true, folder ->
            let file =
                Folder.at (raw @ [ string (folder.GetString()); files.Id + dataset.FileEnding ])

            (reader.ReadLabels file).Voxels
        | _ -> null

    let patch = Expectations.ints (case.GetProperty "patch")

    let mirrored =
        match case.GetProperty "mirror_axes" with
        | axes when axes.ValueKind = JsonValueKind.Array -> Expectations.ints axes
        | _ -> [||]

    let networks = [|
        for fold in 0 .. (case.GetProperty "folds").GetInt32() - 1 ->
            network (text "key") fold patch.Length dataset.LabelManager.Outputs
    |]

    let predict accumulation run =
        let options =
            SlidingWindowOptions(
                patch,
                mirrored,
                StepFraction = (case.GetProperty "step").GetDouble(),
                Accumulation = accumulation
            )

        use predictor =
            new CasePredictor(
                plans,
                plans.Configuration(text "configuration"),
                dataset.LabelManager,
                options,
                torch.CPU
            )

        run predictor (predictor.Preprocess(reader.ReadChannels files.Images, previous))

    let expected name =
        (reader.ReadLabels(whole (text name))).Voxels

    predict torch.ScalarType.Float32 (fun predictor prepared ->
        let struct (labels, probabilities) =
            predictor.SegmentWithProbabilities(
                predictor.Predict(networks, prepared.Image),
                prepared.Properties
            )

        let expected = expected "segmentation_float32"
        Expect.equal labels.Shape expected.Shape "the image's grid"
        let areRegions = not (isNull dataset.LabelManager.RegionsClassOrder)

        for way, actual in [ "whole", labels; "by slabs", predictor.PredictLabels(networks, prepared) ] do
            let clear =
                differing expected.Data actual.Data
                |> List.filter (isTie probabilities areRegions >> not)

            Expect.isEmpty clear $"{way}: voxels that differ without being ties")

    predict torch.ScalarType.Float16 (fun predictor prepared ->
        let expected = expected "segmentation"
        let actual = predictor.PredictLabels(networks, prepared)

        let share =
            float (differing expected.Data actual.Data).Length / float actual.Data.Length

        Expect.isLessThanOrEqual share 0.001 "the share of voxels that differ in half precision")

let tests =
    testList "golden/pipeline/whole" [
        for case in Folder.entries [ "pipeline"; "whole"; "whole.json" ] "cases" do
            if File.Exists(whole (text case "segmentation")) then
                test (text case "name") { check case }
    ]
