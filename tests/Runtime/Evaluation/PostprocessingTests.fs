/// Which post-processing helps, and what it makes of label maps.
module MedSegDsl.Tests.Runtime.Evaluation.PostprocessingTests

open System.IO
open Expecto
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Runtime.Files
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

/// The voxels in the order of the file: x outermost.
let private fileOrder (map: ImageArray<int16>) =
    let shape = map.Shape

    [|
        for x in 0 .. shape[2] - 1 do
            for y in 0 .. shape[1] - 1 do
                for z in 0 .. shape[0] - 1 -> int map.Data[(z * shape[1] + y) * shape[2] + x]
    |]

let private golden =
    testList "golden/pipeline/evaluation/postprocessing" [
        for name in FolderEvaluationTests.datasets ->
            test name {
                TemporaryFolder.using' (fun folder ->
                    let dataset = DatasetJson.ReadFrom(FolderEvaluationTests.raw name)
                    let reader = ImageReaders.ByName "NibabelIO"
                    let predicted = Path.Combine(folder, "predictions")
                    Directory.CreateDirectory predicted |> ignore

                    for file in Directory.GetFiles(FolderEvaluationTests.predictions name) do
                        File.Copy(file, Path.Combine(predicted, string (Path.GetFileName file)))

                    let search =
                        PostprocessingSearch(
                            predicted,
                            Path.Combine(FolderEvaluationTests.raw name, "labelsTr"),
                            EvaluationTargets dataset.LabelManager,
                            reader,
                            dataset.FileEnding
                        )

                    let found = search.Run()
                    let written = Path.Combine(predicted, "postprocessing.json")

                    FolderEvaluationTests.same
                        ""
                        (FolderEvaluationTests.expected name "postprocessing.json")
                        (PythonJson.Read written)

                    let applied = Path.Combine(folder, "applied")
                    let read = Postprocessing.Read written
                    Expect.equal read.Steps.Count found.Steps.Count "the steps come back from the file"

                    Expect.isEmpty
                        (read.ApplyToFolder(predicted, applied, reader, dataset.FileEnding))
                        "every file can be treated"

                    let expected =
                        Folder.read (Folder.at [ "pipeline"; "evaluation"; name; "postprocessed.json" ])

                    for file in expected.GetProperty("files").EnumerateObject() do
                        for place in [ search.OutputFolder; applied ] do
                            let map = reader.ReadLabels(Path.Combine(place, file.Name)).Voxels
                            let crc = file.Value.GetProperty("crc32").GetUInt32()
                            Expect.equal (Expectations.crc32 (fileOrder map)) crc $"{place}: {file.Name}")
            }
    ]

let private reading =
    testList "runtime/evaluation/postprocessing" [
        for words, content in
            [
                [ "postprocessing.json"; "smooth" ],
                """{"postprocessing_fns": ["smooth"], "postprocessing_kwargs": [{}]}"""
                [ "postprocessing.json"; "postprocessing_kwargs" ],
                """{"postprocessing_fns": [], "postprocessing_kwargs": [{}]}"""
                [ "postprocessing.json"; "labels_or_regions" ],
                """{"postprocessing_fns": ["remove_all_but_largest_component_from_segmentation"],
                    "postprocessing_kwargs": [{"labels_or_regions": "liver"}]}"""
            ] ->
            test $"a file with a wrong {List.last words} is refused" {
                TemporaryFolder.using' (fun folder ->
                    let file = TemporaryFolder.write folder [ "postprocessing.json" ] content
                    TemporaryFolder.expectsLine words (fun () -> Postprocessing.Read file |> ignore))
            }
    ]

let tests = testList "" [ golden; reading ]
