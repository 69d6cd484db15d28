module MedSegDsl.Tests.Runtime.ExperimentPlannerTests

open System
open System.IO
open Expecto
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Planning
open MedSegDsl.Tests.Runtime

let private options = PlanOptions(VerifyIntegrity = true, Threads = 2, Draws = 300)

let private plan folders =
    ExperimentPlanner.Plan(folders, SmallDataset.name, options)

let private spacing = [| 2.0; 1.0; 1.5 |]

let private filled (value: float32) =
    Array.create (Array.reduce (*) SmallDataset.shape) value

let tests =
    testList "runtime/experiment planner" [
        test "files that a dataset leaves" {
            TemporaryFolder.using' (fun root ->
                let raw, folders = SmallDataset.create root
                let told = Collections.Concurrent.ConcurrentBag()

                let progress = {
                    new IProgress<CaseProgress> with
                        member _.Report p = told.Add p.Done
                }

                let options = PlanOptions(Threads = 2, Draws = 300, FingerprintProgress = progress)
                let result = ExperimentPlanner.Plan(folders, SmallDataset.name, options)
                let target = folders.PreprocessedDataset SmallDataset.name

                let names =
                    [ for file in Directory.GetFiles target -> nonNull (Path.GetFileName file) ]
                    |> List.sort

                Expect.equal names [ "dataset.json"; "dataset_fingerprint.json"; "nnUNetPlans.json" ] "files"
                Expect.equal (List.sort (List.ofSeq told)) [ 1; 2; 3 ] "progress"

                Expect.equal
                    (File.ReadAllText(Path.Combine(target, "dataset.json")))
                    SmallDataset.dataset
                    "dataset.json"

                Expect.equal result.Plans.ImageReaderWriter "NibabelIO" "reader"

                Expect.equal
                    ((Plans.Read result.PlansFile).Configuration "3d_fullres").Spacing
                    [| 2.0; 1.0; 1.5 |]
                    "spacing"

                Expect.equal
                    ((Plans.Read result.PlansFile).Configuration "2d").NormalizationSchemes
                    [| "ZScoreNormalization"; "CTNormalization" |]
                    "by channel name")
        }

        test "one thread and two give the same fingerprint" {
            TemporaryFolder.using' (fun root ->
                let _, folders = SmallDataset.create root

                let one =
                    ExperimentPlanner.Plan(
                        folders,
                        SmallDataset.name,
                        PlanOptions(Threads = 1, Draws = 1000000)
                    )

                let two =
                    ExperimentPlanner.Plan(
                        folders,
                        SmallDataset.name,
                        PlanOptions(Threads = 2, Draws = 1000000, Clean = true)
                    )

                Expect.equal
                    (List.ofSeq one.Fingerprint.Intensities)
                    (List.ofSeq two.Fingerprint.Intensities)
                    "intensities")
        }

        test "a fingerprint is used again while it fits the dataset" {
            TemporaryFolder.using' (fun root ->
                let raw, folders = SmallDataset.create root
                let first = plan folders

                let file =
                    Path.Combine(folders.PreprocessedDataset SmallDataset.name, "dataset_fingerprint.json")

                let edited =
                    File
                        .ReadAllText(file)
                        .Replace(
                            "\"median_relative_size_after_cropping\": 1.0",
                            "\"median_relative_size_after_cropping\": 0.5"
                        )

                File.WriteAllText(file, edited)
                let second = plan folders

                Expect.isTrue
                    ((second.Plans.Configuration "3d_fullres").UseMaskForNorm[0])
                    "read from the file"

                Expect.isFalse
                    ((first.Plans.Configuration "3d_fullres").UseMaskForNorm[0])
                    "was not so before"

                let clean =
                    ExperimentPlanner.Plan(
                        folders,
                        SmallDataset.name,
                        PlanOptions(Clean = true, Draws = 300)
                    )

                Expect.isFalse ((clean.Plans.Configuration "3d_fullres").UseMaskForNorm[0]) "made again"

                for channel in 0..1 do
                    File.Delete(Path.Combine(raw, $"imagesTr/c3_000{channel}.nii.gz"))

                let fewer =
                    ExperimentPlanner.Plan(folders, SmallDataset.name, PlanOptions(Draws = 300))

                Expect.equal fewer.Fingerprint.Shapes.Count 2 "made again for another number of cases")
        }

        test "configurations of other names stay" {
            TemporaryFolder.using' (fun root ->
                let _, folders = SmallDataset.create root
                let file = (plan folders).PlansFile

                let own =
                    "\"my_config\": {\"inherits_from\": \"3d_fullres\", \"batch_size\": 9}, \"2d\": {\"batch_size\": 77},"

                File.WriteAllText(
                    file,
                    File
                        .ReadAllText(file)
                        .Replace("\"configurations\": {", "\"configurations\": {" + own)
                        .Replace("\"2d\": {\n            \"data", "\"old2d\": {\n            \"data")
                )

                let plans = (plan folders).Plans
                Expect.equal (plans.Configuration "my_config").BatchSize 9 "own"
                Expect.notEqual (plans.Configuration "2d").BatchSize 77 "planned ones are new"

                Expect.equal
                    (List.ofSeq plans.ConfigurationNames)
                    [ "2d"; "3d_fullres"; "my_config"; "old2d" ]
                    "order")
        }

        test "splits of the raw folder" {
            TemporaryFolder.using' (fun root ->
                let raw, folders = SmallDataset.create root
                let own = """[{"train": ["c1", "c2"], "val": ["c3"]}]"""
                TemporaryFolder.write raw [ "splits_final.json" ] own |> ignore
                let target = folders.PreprocessedDataset SmallDataset.name
                plan folders |> ignore
                Expect.equal (File.ReadAllText(Path.Combine(target, "splits_final.json"))) own "copied"
                plan folders |> ignore

                let other =
                    TemporaryFolder.write
                        target
                        [ "splits_final.json" ]
                        """[{"train": ["c1"], "val": ["c3"]}]"""

                TemporaryFolder.expectsLine [ other; "fold 0" ] (fun () -> plan folders |> ignore))
        }

        for what, words, break' in
            [
                "a label that dataset.json does not have",
                [ "c2.nii.gz"; "labels 7" ],
                fun raw -> SmallDataset.image raw "labelsTr/c2.nii.gz" SmallDataset.shape spacing (filled 7f)
                "another spacing of the labels",
                [ "c2.nii.gz"; "spacing 2.5" ],
                fun raw ->
                    SmallDataset.image
                        raw
                        "labelsTr/c2.nii.gz"
                        SmallDataset.shape
                        [| 2.5; 1.0; 1.5 |]
                        (filled 1f)
                "an infinite voxel",
                [ "c2_0001.nii.gz"; "infinite" ],
                fun raw ->
                    SmallDataset.image
                        raw
                        "imagesTr/c2_0001.nii.gz"
                        SmallDataset.shape
                        spacing
                        (filled infinityf)
                "no foreground in any case",
                [ "dataset.json"; "no label map" ],
                fun raw ->
                    for case in SmallDataset.cases do
                        SmallDataset.image
                            raw
                            $"labelsTr/{case}.nii.gz"
                            SmallDataset.shape
                            spacing
                            (filled 0f)
            ] do
            test $"{what} is refused without a check before, and nothing is written" {
                TemporaryFolder.using' (fun root ->
                    let raw, folders = SmallDataset.create root
                    break' raw

                    TemporaryFolder.expectsLine words (fun () ->
                        ExperimentPlanner.Plan(folders, SmallDataset.name, PlanOptions(Draws = 300))
                        |> ignore)

                    Expect.isFalse
                        (Directory.Exists(folders.PreprocessedDataset SmallDataset.name))
                        "no folder")
            }

        test "nothing is written for a broken dataset" {
            TemporaryFolder.using' (fun root ->
                let raw, folders = SmallDataset.create root
                File.WriteAllText(Path.Combine(raw, "labelsTr", "c2.nii.gz"), "x")
                TemporaryFolder.expectsLine [ "c2.nii.gz"; "no NIfTI" ] (fun () -> plan folders |> ignore)

                TemporaryFolder.expectsLine [ "c2.nii.gz" ] (fun () ->
                    ExperimentPlanner.Plan(folders, SmallDataset.name, PlanOptions(Draws = 300))
                    |> ignore)

                Expect.isFalse (Directory.Exists(folders.PreprocessedDataset SmallDataset.name)) "no folder")
        }

        test "settings of one's own" {
            TemporaryFolder.using' (fun root ->
                let _, folders = SmallDataset.create root
                let settings = PlanningSettings(Planner.ResEncL, 2.0, [| 1.0; 1.0; 1.0 |], "mine")

                let result =
                    ExperimentPlanner.Plan(
                        folders,
                        SmallDataset.name,
                        PlanOptions(Settings = settings, Draws = 300)
                    )

                Expect.stringEnds result.PlansFile "mine.json" "name"
                Expect.equal (result.Plans.Configuration "3d_fullres").Spacing [| 1.0; 1.0; 1.0 |] "spacing"

                for wrong, word in
                    [
                        PlanningSettings(Planner.Default, -1.0), "GB"
                        PlanningSettings(Planner.Default, Nullable(), [| 1.0; 0.0; 1.0 |]), "spacing"
                        PlanningSettings(Planner.Default, Nullable(), null, "a/b"), "a/b"
                    ] do
                    TemporaryFolder.expectsLine [ word ] (fun () ->
                        ExperimentPlanner.Plan(
                            folders,
                            SmallDataset.name,
                            PlanOptions(Settings = wrong, Draws = 300)
                        )
                        |> ignore)

                TemporaryFolder.expectsLine [ "nnUNetPlannerResEncL" ] (fun () ->
                    Planner.ByName "x" |> ignore))
        }
    ]
