module MedSegDsl.Tests.Runtime.DatasetIntegrityTests

open System.IO
open Expecto
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Planning
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

let private check raw =
    let dataset = DatasetJson.ReadFrom raw
    let cases = CaseList.Training(raw, dataset)

    DatasetIntegrity.Check(
        dataset,
        cases,
        ImageReaders.For(dataset, cases[0].Images[0]),
        CaseLoop(2, 1L <<< 30)
    )

/// Breaks the small dataset; expects one problem with these words.
let private finds name (words: string list) (break': string -> unit) = test name {
    TemporaryFolder.using' (fun root ->
        let raw, _ = SmallDataset.create root
        break' raw
        let problems = List.ofSeq (check raw).Problems
        Expect.hasLength problems 1 $"one problem: {problems}"

        for word in words do
            Expect.stringContains problems[0] word "what is wrong and where")
}

let private at raw (file: string) = Path.Combine(raw, file)
let private spacing = [| 2.0; 1.0; 1.5 |]
let private size = Array.fold (*) 1 SmallDataset.shape

let private withVoxel (value: float32) =
    let voxels = SmallDataset.voxels "x"
    voxels[77] <- value
    voxels

let private golden =
    testList "golden/integrity" [
        for name in Folder.folders [ "pipeline"; "raw" ] do
            test $"nothing wrong with {name}" {
                let report = check (Folder.at [ "pipeline"; "raw"; name ])
                Expect.isEmpty report.Problems "problems"
                Expect.isEmpty report.Warnings "warnings"
            }
    ]

let private broken =
    testList "runtime/integrity" [
        finds "a case less" [ "numTraining"; "3"; "2" ] (fun raw ->
            File.Delete(at raw "imagesTr/c3_0000.nii.gz")
            File.Delete(at raw "imagesTr/c3_0001.nii.gz"))
        finds "a missing channel" [ "c2"; "1 channels"; "2" ] (fun raw ->
            File.Delete(at raw "imagesTr/c2_0001.nii.gz"))
        finds "a missing label map" [ "c1"; "labelsTr"; "missing" ] (fun raw ->
            File.Delete(at raw "labelsTr/c1.nii.gz"))
        finds "NaN" [ "c2_0001.nii.gz"; "1 voxels"; "NaN" ] (fun raw ->
            SmallDataset.image raw "imagesTr/c2_0001.nii.gz" SmallDataset.shape spacing (withVoxel nanf))
        finds "infinite" [ "c2_0000.nii.gz"; "infinite" ] (fun raw ->
            SmallDataset.image
                raw
                "imagesTr/c2_0000.nii.gz"
                SmallDataset.shape
                spacing
                (withVoxel -infinityf))
        finds "an unknown label" [ "c1.nii.gz"; "labels 5"; "0, 1, 2" ] (fun raw ->
            let labels = SmallDataset.labels "c1" |> Array.map float32
            labels[0] <- 5.0f
            SmallDataset.image raw "labelsTr/c1.nii.gz" SmallDataset.shape spacing labels)
        finds "a label with a fraction" [ "c1.nii.gz"; "0.5" ] (fun raw ->
            SmallDataset.image raw "labelsTr/c1.nii.gz" SmallDataset.shape spacing (Array.create size 0.5f))
        finds "another shape of a channel" [ "c3_0001.nii.gz"; "shape" ] (fun raw ->
            SmallDataset.image raw "imagesTr/c3_0001.nii.gz" [| 2; 2; 2 |] spacing (Array.create 8 1.0f))
        finds "another shape of the label map" [ "c3.nii.gz"; "2 × 2 × 2"; "12 × 14 × 16" ] (fun raw ->
            SmallDataset.image raw "labelsTr/c3.nii.gz" [| 2; 2; 2 |] spacing (Array.create 8 1.0f))
        finds "another spacing of the label map" [ "c3.nii.gz"; "spacing"; "2.5" ] (fun raw ->
            let labels = SmallDataset.labels "c3" |> Array.map float32
            SmallDataset.image raw "labelsTr/c3.nii.gz" SmallDataset.shape [| 2.5; 1.0; 1.5 |] labels)
        finds "a truncated file" [ "c1_0000.nii.gz" ] (fun raw ->
            let bytes = File.ReadAllBytes(at raw "imagesTr/c1_0000.nii.gz")
            File.WriteAllBytes(at raw "imagesTr/c1_0000.nii.gz", Array.take (bytes.Length / 2) bytes))
        finds "no foreground anywhere" [ "dataset.json"; "foreground" ] (fun raw ->
            for case in SmallDataset.cases do
                SmallDataset.image
                    raw
                    $"labelsTr/{case}.nii.gz"
                    SmallDataset.shape
                    spacing
                    (Array.zeroCreate size))
        test "very large values are no problem" {
            TemporaryFolder.using' (fun root ->
                let raw, _ = SmallDataset.create root

                SmallDataset.image
                    raw
                    "imagesTr/c2_0000.nii.gz"
                    SmallDataset.shape
                    spacing
                    (Array.create size 3e38f)

                Expect.isEmpty (check raw).Problems "finite")
        }
        test "an affine of its own is a warning" {
            TemporaryFolder.using' (fun root ->
                let raw, _ = SmallDataset.create root

                let geometry =
                    ImageGeometry(
                        spacing,
                        Array2D.init 4 4 (fun r c ->
                            if r = c then [| 1.5; 1.0; 2.0; 1.0 |][r]
                            elif c = 3 then 9.0
                            else 0.0)
                    )

                let reader = ImageReaders.ByName "NibabelIO"

                reader.WriteLabels(
                    at raw "labelsTr/c1.nii.gz",
                    ImageArray<int16>(SmallDataset.labels "c1", 1, SmallDataset.shape),
                    geometry
                )

                let report = check raw
                Expect.isEmpty report.Problems "problems"
                Expect.hasLength report.Warnings 1 "warnings"
                Expect.stringContains report.Warnings[0] "c1.nii.gz" "which")
        }
    ]

let tests = testList "" [ golden; broken ]
