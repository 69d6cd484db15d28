module MedSegDsl.Tests.Runtime.Conversion.TotalSegmentatorTests

open System.IO
open Expecto
open MedSegDsl.Runtime.Conversion
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Files
open MedSegDsl.Tests.Runtime
open MedSegDsl.Tests.Runtime.Conversion.Converted

let private subjects = [ "s0001", "train"; "s0003", "val"; "s0002", "test" ]

let tests =
    testList "runtime/conversion/totalsegmentator" [
        test "CT masks become one label map, with the official split" {
            let classes = SmallReleases.ctClasses.Value
            Expect.equal classes.Length 117 "classes"

            converted
                "Totalsegmentator_dataset_v201"
                (fun folder -> SmallReleases.totalSegmentator folder "ct.nii.gz" classes subjects)
                TotalSegmentator.FindCt
                (fun source made ->
                    let expected = Array.zeroCreate 120

                    for i, name in List.indexed classes do
                        SmallReleases.read (Path.Combine(source, $"s0003/segmentations/{name}.nii.gz"))
                        |> Array.iteri (fun voxel v ->
                            if v > 0s then
                                expected[voxel] <- int16 (i + 1))

                    Expect.equal
                        (SmallReleases.read (Path.Combine(made.Folder, "labelsTr/s0003.nii.gz")))
                        expected
                        "later masks over earlier ones"

                    Expect.equal (files (Path.Combine(made.Folder, "labelsTs"))) [ "s0002.nii.gz" ] "test"
                    let dataset = isSound made

                    Expect.equal
                        [ for label in dataset.Labels -> label.Name, label.Values[0] ]
                        (("background", 0) :: List.mapi (fun i name -> name, i + 1) classes)
                        "labels"

                    let groups = JsonFields(dataset.Json, "dataset.json").Object "label_groups"

                    Expect.equal
                        [ for pair in groups.Json -> pair.Key ]
                        [ "organs"; "vertebrae"; "cardiac"; "muscles"; "ribs" ]
                        "groups"

                    let folds = Splits.Read(nonNull made.SplitsFile)

                    Expect.equal
                        [ for fold in folds -> List.ofSeq fold.Train, List.ofSeq fold.Validation ]
                        [ [ "s0001" ], [ "s0003" ] ]
                        "one fold")
        }
        test "MRI classes are numbered alphabetically, for each version" {
            for classes in SmallReleases.mrClasses.Value do
                converted
                    "TotalsegmentatorMRI"
                    (fun folder -> SmallReleases.totalSegmentator folder "mri.nii.gz" classes subjects)
                    TotalSegmentator.FindMr
                    (fun _ made ->
                        let dataset = isSound made

                        Expect.equal
                            [ for label in dataset.Labels -> label.Name ]
                            ("background"
                             :: List.sortWith (fun a b -> System.String.CompareOrdinal(a, b)) classes)
                            "labels"

                        Expect.equal (made.Training, made.Test) (2, 1) "cases")
        }
        test "what a subject and the table lack" {
            TemporaryFolder.using' (fun root ->
                SmallReleases.totalSegmentator root "ct.nii.gz" SmallReleases.ctClasses.Value subjects
                File.Delete(Path.Combine(root, "s0001/segmentations/liver.nii.gz"))
                Directory.CreateDirectory(Path.Combine(root, "s0009")) |> ignore
                let release = TotalSegmentator.FindCt root
                let all = String.concat "\n" release.Problems

                for words in
                    [
                        "3 subjects in meta.csv, the release has 1228"
                        "s0009 is not in meta.csv"
                        "case s0001: s0001/segmentations/liver.nii.gz is missing"
                    ] do
                    Expect.stringContains all words "the list"

                Expect.equal [ for one in release.Cases -> one.Id ] [ "s0002"; "s0003" ] "whole cases"
                File.Delete(Path.Combine(root, "meta.csv"))
                TemporaryFolder.expectsLine [ "meta.csv" ] (fun () -> TotalSegmentator.FindCt root |> ignore))
        }
        test "a class that no version of the MRI release has" {
            TemporaryFolder.using' (fun root ->
                let classes =
                    "spare_rib" :: List.except [ "spleen" ] SmallReleases.mrClasses.Value.Head

                SmallReleases.totalSegmentator root "mri.nii.gz" classes subjects
                let all = String.concat "\n" (TotalSegmentator.FindMr root).Problems
                Expect.stringContains all "spare_rib is not one of version 1.0.0" "one too many"
                Expect.stringContains all "spleen of version 1.0.0 is missing" "one too few")
        }
    ]
