/// Folders of predictions against folders of references.
module MedSegDsl.Tests.Runtime.Evaluation.FolderEvaluationTests

open System.IO
open System.Text.Json
open Expecto
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Runtime.Files
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

/// A raw data set.
let raw name = Folder.at [ "pipeline"; "raw"; name ]

/// The artificial predictions of a data set.
let predictions name =
    Folder.at [ "pipeline"; "predictions"; name ]

/// The data sets with expected evaluations.
let datasets = [
    for name in Folder.folders [ "pipeline"; "evaluation" ] do
        if Directory.Exists(raw name) && Directory.Exists(predictions name) then
            name
]

let private evaluate name =
    let dataset = DatasetJson.ReadFrom(raw name)

    FolderEvaluation.Evaluate(
        Path.Combine(raw name, "labelsTr"),
        predictions name,
        EvaluationTargets dataset.LabelManager,
        ImageReaders.ByName "NibabelIO",
        dataset.FileEnding
    )

/// nnU-Net's file as it is, with the bare word NaN.
let expected name file =
    PythonJson.Read(Folder.at [ "pipeline"; "evaluation"; name; file ])

/// Compares two JSON values: numbers to 1e-9, everything else as it is. Paths only by their file's name.
let rec same (path: string) (expected: Nodes.JsonNode) (actual: Nodes.JsonNode | null) =
    match expected, actual with
    | (:? Nodes.JsonObject as e), (:? Nodes.JsonObject as a) ->
        Expect.equal [ for pair in a -> pair.Key ] [ for pair in e -> pair.Key ] $"{path}: keys in order"

        for pair in e do
            same $"{path}/{pair.Key}" (nonNull pair.Value) a[pair.Key]
    | (:? Nodes.JsonArray as e), (:? Nodes.JsonArray as a) ->
        Expect.equal a.Count e.Count $"{path}: length"
        Seq.iter2 (same path) (Seq.map nonNull e) a
    | e, a when e.GetValueKind() = JsonValueKind.String ->
        let name (node: Nodes.JsonNode | null) =
            Path.GetFileName((nonNull node).GetValue<string>())

        Expect.equal (name a) (name e) path
    | e, a ->
        let value (node: Nodes.JsonNode | null) = (nonNull node).GetValue<float>()
        Expectations.close 1e-9 (abs (value e)) (value e) (value a) path

let private summaries =
    testList "golden/pipeline/evaluation/summary" [
        for name in datasets ->
            test name {
                let result = evaluate name
                Expect.isEmpty result.Failures "every case can be evaluated"
                let summary = nonNull result.Summary

                TemporaryFolder.using' (fun folder ->
                    let file = Path.Combine(folder, "summary.json")
                    summary.Write file
                    same "" (expected name "summary.json") (PythonJson.Read file))
            }
    ]

let private labels = "{\"background\": 0, \"a\": 1, \"b\": 2}"

let private dataset =
    let json =
        $"{{\"channel_names\": {{\"0\": \"CT\"}}, \"labels\": {labels}, \"numTraining\": 1, \"file_ending\": \".nii.gz\"}}"

    DatasetJson((PythonJson.Parse(json, "test")).AsObject(), "test")

let private write folder name (shape: int list) (values: int[]) =
    let map = MetricsTests.labelMap shape values
    let geometry = ImageGeometry.FromSpacing [| 2.0; 1.0; 1.0 |]
    (ImageReaders.ByName "NibabelIO").WriteLabels(Path.Combine(folder, name), map, geometry)

let private failures =
    testList "runtime/evaluation/folder" [
        test "what cannot be evaluated is listed, the rest is done" {
            TemporaryFolder.using' (fun folder ->
                let references = Directory.CreateDirectory(Path.Combine(folder, "ref")).FullName
                let predicted = Directory.CreateDirectory(Path.Combine(folder, "pred")).FullName
                let good = [| 0; 1; 2; 1 |]

                for name in [ "good"; "shape"; "label"; "damaged"; "missing" ] do
                    write references (name + ".nii.gz") [ 1; 2; 2 ] good

                write predicted "good.nii.gz" [ 1; 2; 2 ] [| 0; 1; 2; 2 |]
                write predicted "shape.nii.gz" [ 1; 2; 3 ] [| 0; 1; 2; 1; 0; 0 |]
                write predicted "label.nii.gz" [ 1; 2; 2 ] [| 0; 1; 7; 1 |]
                write predicted "alone.nii.gz" [ 1; 2; 2 ] good
                File.WriteAllText(Path.Combine(predicted, "damaged.nii.gz"), "no gzip")

                let evaluate allowMissing =
                    FolderEvaluation.Evaluate(
                        references,
                        predicted,
                        EvaluationTargets dataset.LabelManager,
                        ImageReaders.ByName "NibabelIO",
                        ".nii.gz",
                        allowMissing
                    )

                let result = evaluate false
                let summary = nonNull result.Summary
                Expect.equal summary.Cases.Count 1 "one case is left"
                Expect.floatClose Accuracy.high summary.ForegroundMean.Dice (2.0 / 3.0) "its mean Dice"
                let lines = List.ofSeq result.Failures
                Expect.hasLength lines 5 "five lines"

                for words in
                    [
                        [ "alone.nii.gz"; "no reference" ]
                        [ "damaged.nii.gz" ]
                        [ "label.nii.gz"; "7"; "dataset.json" ]
                        [ "shape.nii.gz"; "1 × 2 × 3"; "1 × 2 × 2" ]
                        [ "missing.nii.gz"; "no such prediction" ]
                    ] do
                    Expect.exists
                        lines
                        (fun line -> words |> List.forall line.Contains && not (line.Contains '\n'))
                        $"a line with %A{words}"

                Expect.hasLength (evaluate true).Failures 4 "a missing prediction can be allowed")
        }
        test "a class that is nowhere is NaN in the file, and so is the mean over classes" {
            TemporaryFolder.using' (fun folder ->
                let references = Directory.CreateDirectory(Path.Combine(folder, "ref")).FullName
                write references "case.nii.gz" [ 1; 1; 3 ] [| 0; 1; 1 |]

                let result =
                    FolderEvaluation.Evaluate(
                        references,
                        references,
                        EvaluationTargets dataset.LabelManager,
                        ImageReaders.ByName "NibabelIO",
                        ".nii.gz"
                    )

                let file = Path.Combine(folder, "summary.json")
                (nonNull result.Summary).Write file
                let text = File.ReadAllText file
                Expect.stringContains text "\"Dice\": NaN" "the bare word"

                Expect.stringStarts
                    text
                    "{\n    \"foreground_mean\": {\n        \"Dice\": NaN"
                    "sorted, indented by four"

                Expect.stringContains text "\"Dice\": 1.0" "a float has its point")
        }
        test "a folder that is missing or empty is named" {
            TemporaryFolder.using' (fun folder ->
                let evaluate reference predicted () =
                    FolderEvaluation.Evaluate(
                        reference,
                        predicted,
                        EvaluationTargets dataset.LabelManager,
                        ImageReaders.ByName "NibabelIO",
                        ".nii.gz"
                    )
                    |> ignore

                TemporaryFolder.expectsLine
                    [ "nowhere"; "no such folder" ]
                    (evaluate folder (folder + "/nowhere"))

                TemporaryFolder.expectsLine [ folder; "no predictions" ] (evaluate folder folder))
        }
    ]

let tests = testList "" [ summaries; failures ]
