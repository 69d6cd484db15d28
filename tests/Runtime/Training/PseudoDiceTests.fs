/// Targets and pseudo Dice of classes and regions, with and without an ignore label, against loops over voxels.
module MedSegDsl.Tests.Runtime.Training.PseudoDiceTests

open Expecto
open TorchSharp
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Training
open MedSegDsl.Tests.Golden

let private entry name (values: int list) =
    LabelEntry(name, Array.ofList values, List.length values > 1)

let private classes =
    LabelManager([| entry "background" [ 0 ]; entry "a" [ 1 ]; entry "b" [ 2 ] |], null)

let private classesAndIgnore =
    LabelManager(
        [|
            entry "background" [ 0 ]
            entry "a" [ 1 ]
            entry "b" [ 2 ]
            entry "ignore" [ 3 ]
        |],
        null
    )

let private regionsAndIgnore =
    LabelManager(
        [|
            entry "background" [ 0 ]
            entry "whole" [ 1; 2 ]
            entry "core" [ 2 ]
            entry "ignore" [ 3 ]
        |],
        [| 1; 2 |]
    )

let private shape = [ 2; 1; 3; 4; 5 ]
let private voxels = Formula.count shape

/// −1 to 2, or to 3 with an ignore label.
let private segmentation (labels: LabelManager) key =
    let values = if labels.IgnoreLabel.HasValue then 5 else 4
    Formula.labels key shape values |> Array.map (fun v -> v - 1)

let private tensor (values: 'a[]) (convert: 'a[] -> torch.Tensor) (shape: int list) =
    (convert values).reshape [| for n in shape -> int64 n |]

let private target labels (values: int[]) =
    TrainingTarget.From(tensor (Array.map int16 values) (fun v -> torch.tensor (v: int16[])) shape, labels)

/// Logits (2, outputs, 3, 4, 5).
let private logits (labels: LabelManager) key =
    let values = Formula.unitSingle key (voxels * labels.Outputs)
    values, tensor values (fun v -> torch.tensor (v: float32[])) [ 2; labels.Outputs; 3; 4; 5 ]

/// The predicted foreground classes or regions of a voxel, by definition.
let private predicted (labels: LabelManager) (values: float32[]) voxel =
    let perSample = voxels / 2

    let at output =
        values[(voxel / perSample * labels.Outputs + output) * perSample + voxel % perSample]

    if labels.HasRegions then
        set [
            for output in 0 .. labels.Outputs - 1 do
                if at output > 0f then
                    output
        ]
    else
        let best = Seq.maxBy at [ 0 .. labels.Outputs - 1 ]

        set [
            if best > 0 then
                best - 1
        ]

/// The true foreground classes or regions of a label.
let private truth (labels: LabelManager) label =
    if labels.HasRegions then
        set [
            for i, region in Seq.indexed labels.ForegroundRegions do
                if Array.contains label region then
                    i
        ]
    else
        set [
            if label > 0 then
                label - 1
        ]

let private expected (labels: LabelManager) (batches: (int[] * float32[]) list) =
    let classCount =
        if labels.HasRegions then
            labels.Outputs
        else
            labels.Outputs - 1

    let voxelSets = [
        for segmentation, values in batches do
            for voxel in 0 .. voxels - 1 do
                if not (labels.IgnoreLabel.HasValue && segmentation[voxel] = labels.IgnoreLabel.Value) then
                    truth labels segmentation[voxel], predicted labels values voxel
    ]

    [
        for c in 0 .. classCount - 1 ->
            let count condition =
                voxelSets |> List.filter condition |> List.length |> float

            let tp = count (fun (t, p) -> t.Contains c && p.Contains c)
            let fp = count (fun (t, p) -> not (t.Contains c) && p.Contains c)
            let fn = count (fun (t, p) -> t.Contains c && not (p.Contains c))
            2.0 * tp / (2.0 * tp + fp + fn)
    ]

let private agrees name (labels: LabelManager) = test $"pseudo Dice of two batches, {name}" {
    use _ = torch.NewDisposeScope()
    let dice = PseudoDice labels

    let batches = [
        for i in 0..1 ->
            let segmentation = segmentation labels $"train/dice/{name}/{i}"
            let values, map = logits labels $"train/dice/{name}/{i}/logits"
            dice.Add(map, target labels segmentation)
            segmentation, values
    ]

    Expect.equal (List.ofArray dice.Values) (expected labels batches) "2·TP / (2·TP + FP + FN)"
}

let tests =
    testList "training/pseudo Dice" [
        agrees "classes" classes
        agrees "classes and ignore label" classesAndIgnore
        agrees "regions and ignore label" regionsAndIgnore

        test "a class that is nowhere has no Dice" {
            use _ = torch.NewDisposeScope()
            let dice = PseudoDice classes
            // Class 1 is predicted everywhere and true everywhere, class 2 never.
            let map = torch.zeros ([| 2L; 3L; 3L; 4L; 5L |])
            map[torch.TensorIndex.Colon, torch.TensorIndex.Single 1L] <- torch.tensor 1f
            dice.Add(map, target classes (Array.create voxels 1))
            Expect.equal dice.Values[0] 1.0 "class 1"
            Expect.isTrue (System.Double.IsNaN dice.Values[1]) "class 2"
        }

        test "outside the image is background" {
            use _ = torch.NewDisposeScope()
            let labels = target classes (Array.init voxels (fun i -> i % 4 - 1))

            Expect.equal
                (labels.data<int64>().ToArray())
                (Array.init voxels (fun i -> int64 (max 0 (i % 4 - 1))))
                "labels"
        }

        test "regions are channels of zeros and ones, the ignore label is the last" {
            use _ = torch.NewDisposeScope()
            let labels = Array.init voxels (fun i -> i % 5 - 1)
            let channels = target regionsAndIgnore labels
            Expect.equal (List.ofSeq channels.shape) [ 2L; 3L; 3L; 4L; 5L ] "shape"
            let per = voxels / 2

            let expected = [|
                for sample in 0..1 do
                    for members in [ [ 1; 2 ]; [ 2 ]; [ 3 ] ] do
                        for i in 0 .. per - 1 ->
                            if List.contains labels[sample * per + i] members then
                                1f
                            else
                                0f
            |]

            Expect.equal (channels.data<float32>().ToArray()) expected "channels"
        }
    ]
