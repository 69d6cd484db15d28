module MedSegDsl.Tests.Runtime.SplitsTests

open System.IO
open System.Text.Json
open Expecto
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

let private texts (element: JsonElement) = [ for e in element.EnumerateArray() -> string (e.GetString()) ]

/// Case names whose byte order is their number.
let private names n = [ for i in 0 .. n - 1 -> $"%05d{i}" ]
let private indices (cases: string seq) = [| for c in cases -> int c |]

let private unit' = Folder.at [ "pipeline"; "unit"; "splits.json" ]

let private golden =
    testList "golden/splits" [
        if File.Exists unit' then
            let file = Folder.read unit'

            for entry in (file.GetProperty "validation_indices").EnumerateObject() do
                test $"{entry.Name} cases" {
                    let n = int entry.Name
                    let expected = [ for fold in entry.Value.EnumerateArray() -> Expectations.ints fold ]
                    let folds = Splits.FiveFolds(List.rev (names n))
                    Expect.equal [ for f in folds -> indices f.Validation ] expected "validation"

                    for fold, validation in Seq.zip folds expected do
                        let rest = [| 0 .. n - 1 |] |> Array.except validation
                        Expect.equal (indices fold.Train) rest "training = the rest, ascending"
                }

            let byName = file.GetProperty "names"

            test "names" {
                let folds = Splits.FiveFolds(texts (byName.GetProperty "given"))

                for fold, expected in Seq.zip folds (byName.GetProperty("splits").EnumerateArray()) do
                    Expect.equal (List.ofSeq fold.Train) (texts (expected.GetProperty "train")) "train"
                    Expect.equal (List.ofSeq fold.Validation) (texts (expected.GetProperty "val")) "val"

                let all = Splits.All(texts (byName.GetProperty "given"))
                Expect.equal (List.ofSeq all.Train) (texts (byName.GetProperty "sorted")) "byte order"
                Expect.equal (List.ofSeq all.Validation) (List.ofSeq all.Train) "all validate"
            }

            for entry in (file.GetProperty "random_80_20").EnumerateObject() do
                test $"random {entry.Name}" {
                    let parts = entry.Name.Split '/'
                    let split = Splits.Random(names (int parts[0]), int parts[1])

                    Expect.equal
                        (indices split.Train)
                        (Expectations.ints (entry.Value.GetProperty "train"))
                        "train"

                    Expect.equal
                        (indices split.Validation)
                        (Expectations.ints (entry.Value.GetProperty "val"))
                        "val"
                }
    ]

let private planned =
    testList "golden/splits of datasets" [
        for name in Folder.folders [ "pipeline"; "planned" ] do
            let file = Folder.at [ "pipeline"; "planned"; name; "splits_final.json" ]
            let raw = Folder.at [ "pipeline"; "raw"; name ]

            if File.Exists file && Directory.Exists raw then
                test name {
                    TemporaryFolder.using' (fun folder ->
                        let cases = [ for c in CaseList.Training(raw, DatasetJson.ReadFrom raw) -> c.Id ]
                        let first = Splits.Fold(folder, cases, 0)
                        let text path = File.ReadAllText path

                        Expect.equal
                            (text (Path.Combine(folder, "splits_final.json")))
                            (text file)
                            "written as nnU-Net does"

                        let expected = (Splits.Read file)[0]
                        Expect.equal (List.ofSeq first.Train) (List.ofSeq expected.Train) "first fold")
                }
    ]

let private own =
    testList "runtime/splits" [
        test "an existing file is used as it is" {
            TemporaryFolder.using' (fun folder ->
                let text = """[{"train": ["b", "a"], "val": ["c"]}, {"train": ["x"], "val": []}]"""
                let path = TemporaryFolder.write folder [ "splits_final.json" ] text
                let cases = [ "a"; "b"; "c"; "d" ]
                Expect.equal (List.ofSeq (Splits.Fold(folder, cases, 0)).Train) [ "b"; "a" ] "its order"

                TemporaryFolder.expectsLine [ path; "fold 1"; "\"x\"" ] (fun () ->
                    Splits.Fold(folder, cases, 1) |> ignore)

                let beyond = Splits.Fold(folder, cases, 2)
                Expect.equal (beyond.Train.Count, beyond.Validation.Count) (3, 1) "80:20"
                TemporaryFolder.expectsLine [ "-1" ] (fun () -> Splits.Fold(folder, cases, -1) |> ignore))
        }
        test "four cases" {
            TemporaryFolder.expectsLine [ "4 cases"; "all" ] (fun () -> Splits.FiveFolds(names 4) |> ignore)
        }
        test "a file of another form" {
            TemporaryFolder.using' (fun folder ->
                let path =
                    TemporaryFolder.write folder [ "splits_final.json" ] """[{"train": ["a"]}]"""

                TemporaryFolder.expectsLine [ path; "fold 0"; "val" ] (fun () -> Splits.Read path |> ignore))
        }
    ]

let tests = testList "" [ golden; planned; own ]
