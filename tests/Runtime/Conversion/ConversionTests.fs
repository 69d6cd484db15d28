module MedSegDsl.Tests.Runtime.Conversion.ConversionTests

open System.IO
open Expecto
open MedSegDsl.Runtime.Conversion
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Tests.Runtime
open MedSegDsl.Tests.Runtime.Conversion.Converted

let private amos =
    testList "amos" [
        test "task 1 takes the CT scans, validation cases train" {
            converted "amos22" SmallReleases.amos Amos2022.FindCt (fun source made ->
                Expect.equal (Path.GetFileName made.Folder) "Dataset218_AMOS2022_postChallenge_task1" "name"

                Expect.equal
                    (files (Path.Combine(made.Folder, "labelsTr")))
                    [ "amos_0001.nii.gz"; "amos_0004.nii.gz"; "amos_0008.nii.gz" ]
                    "training"

                Expect.equal
                    (files (Path.Combine(made.Folder, "imagesTs")))
                    [ "amos_0500_0000.nii.gz" ]
                    "test"

                sameBytes
                    (Path.Combine(source, "imagesVa/amos_0008.nii.gz"))
                    (Path.Combine(made.Folder, "imagesTr/amos_0008_0000.nii.gz"))

                let dataset = isSound made
                Expect.equal (List.ofSeq dataset.ChannelNames) [ "CT" ] "channel"

                Expect.equal
                    [ for label in dataset.Labels -> label.Name ]
                    SmallReleases.amosLabels
                    "labels in order"

                Expect.equal dataset.ImageReaderWriter "NibabelIOWithReorient" "reader")
        }
        test "task 2 takes all scans" {
            converted "amos22" SmallReleases.amos Amos2022.FindCtAndMr (fun _ made ->
                Expect.equal (made.Training, made.Test) (5, 2) "cases"
                Expect.equal (List.ofSeq (isSound made).ChannelNames) [ "either_CT_or_MR" ] "channel")
        }
        test "labels of the test cases are taken where the release has them" {
            let make folder =
                SmallReleases.amos folder
                Directory.CreateDirectory(Path.Combine(folder, "labelsTs")) |> ignore

                File.Copy(
                    Path.Combine(folder, "labelsTr/amos_0001.nii.gz"),
                    Path.Combine(folder, "labelsTs/amos_0500.nii.gz")
                )

            converted "amos22" make Amos2022.FindCt (fun _ made ->
                Expect.equal
                    (files (Path.Combine(made.Folder, "labelsTs")))
                    [ "amos_0500.nii.gz" ]
                    "labelsTs")
        }
        test "all that is missing is in one list" {
            TemporaryFolder.using' (fun root ->
                SmallReleases.amos root
                File.Delete(Path.Combine(root, "imagesTr/amos_0004.nii.gz"))
                File.Delete(Path.Combine(root, "labelsVa/amos_0008.nii.gz"))
                let release = Amos2022.FindCt root
                let all = String.concat "\n" release.Problems

                for words in
                    [
                        "2 CT scans for training in dataset.json, the release has 200"
                        "1 CT scans for validation in dataset.json, the release has 100"
                        "2 test cases in dataset.json, the release has 120"
                        "case amos_0004: imagesTr/amos_0004.nii.gz is missing"
                        "case amos_0008: labelsVa/amos_0008.nii.gz is missing"
                    ] do
                    Expect.stringContains all words "the list"

                Expect.equal release.Problems.Count 5 "and nothing else"

                TemporaryFolder.expectsLine [ "amos_0004"; "--partial" ] (fun () ->
                    ReleaseConversion(release, folders root, ConversionOptions()).Run() |> ignore)

                Expect.isFalse (Directory.Exists(Path.Combine(root, "raw"))) "nothing is written")
        }
        test "other labels than the published ones" {
            TemporaryFolder.using' (fun root ->
                SmallReleases.amos root
                let json = Path.Combine(root, "dataset.json")
                File.WriteAllText(json, (File.ReadAllText json).Replace("\"liver\"", "\"lever\""))
                let all = String.concat "\n" (Amos2022.FindCt root).Problems
                Expect.stringContains all "its labels are not those published" "the list")
        }
    ]

let private brats =
    testList "brats" [
        test "labels are swapped so that regions nest" {
            converted "training" SmallReleases.brats BraTS2021.Find (fun source made ->
                let seg =
                    SmallReleases.read (Path.Combine(source, "BraTS2021_00002/BraTS2021_00002_seg.nii.gz"))

                let map =
                    SmallReleases.read (Path.Combine(made.Folder, "labelsTr/BraTS2021_00002.nii.gz"))

                Expect.equal
                    (Array.distinct seg |> Array.sort)
                    [| 0s; 1s; 2s; 4s |]
                    "the case has every label"

                Expect.equal
                    map
                    (seg
                     |> Array.map (function
                         | 1s -> 2s
                         | 2s -> 1s
                         | 4s -> 3s
                         | other -> other))
                    "remapped"

                for channel, sequence in List.indexed [ "t1"; "t1ce"; "t2"; "flair" ] do
                    sameBytes
                        (Path.Combine(source, $"BraTS2021_00000/BraTS2021_00000_{sequence}.nii.gz"))
                        (Path.Combine(made.Folder, $"imagesTr/BraTS2021_00000_%04d{channel}.nii.gz"))

                let dataset = isSound made
                Expect.isTrue dataset.LabelManager.HasRegions "regions"
                Expect.equal dataset.RegionsClassOrder [| 1; 2; 3 |] "order"
                Expect.equal (List.ofSeq dataset.ChannelNames) [ "T1"; "T1ce"; "T2"; "Flair" ] "channels"
                let back = Path.Combine(source, "submission")
                let count = BraTS2021.ToSubmission(Path.Combine(made.Folder, "labelsTr"), back)
                Expect.equal count 2 "label maps"

                Expect.equal
                    (SmallReleases.read (Path.Combine(back, "BraTS2021_00002.nii.gz")))
                    seg
                    "and back")
        }
        test "a label that BraTS does not have" {
            TemporaryFolder.using' (fun root ->
                let source = Path.Combine(root, "source")
                SmallReleases.brats source

                SmallReleases.nifti
                    source
                    "BraTS2021_00002/BraTS2021_00002_seg.nii.gz"
                    2
                    SmallReleases.shape
                    (Array.create 120 3.0)

                TemporaryFolder.expectsLine [ "BraTS2021_00002_seg.nii.gz"; "label 3" ] (fun () ->
                    convert root (BraTS2021.Find source) |> ignore)

                let made = Path.Combine(root, "raw/Dataset137_BraTS2021")

                Expect.equal
                    (files (Path.Combine(made, "labelsTr")))
                    [ "BraTS2021_00000.nii.gz" ]
                    "the other case is whole"

                Expect.equal (files (Path.Combine(made, "imagesTr"))).Length 4 "the broken one left nothing"
                Expect.equal (Directory.GetFileSystemEntries made).Length 2 "nothing is left aside")
        }
        test "channels of different shapes" {
            TemporaryFolder.using' (fun root ->
                let source = Path.Combine(root, "source")
                SmallReleases.brats source

                SmallReleases.nifti
                    source
                    "BraTS2021_00000/BraTS2021_00000_t2.nii.gz"
                    2
                    [ 4; 5; 7 ]
                    (Array.zeroCreate 140)

                TemporaryFolder.expectsLine [ "BraTS2021_00000"; "_0002.nii.gz"; "4 × 5 × 7" ] (fun () ->
                    convert root (BraTS2021.Find source) |> ignore))
        }
    ]

let private decathlon =
    testList "decathlon" [
        test "4D images become one file for each channel" {
            converted "Task05_Prostate" SmallReleases.decathlon MedicalDecathlon.Find (fun source made ->
                Expect.equal (Path.GetFileName made.Folder) "Dataset005_Prostate" "name"
                Expect.equal (made.Training, made.Test) (2, 1) "cases"
                let dataset = isSound made
                Expect.equal (List.ofSeq dataset.ChannelNames) [ "T2"; "ADC" ] "channels"

                Expect.equal
                    [ for label in dataset.Labels -> label.Name ]
                    [ "background"; "PZ"; "TZ" ]
                    "labels"

                Expect.equal
                    ((nonNull dataset.Json["licence"]).GetValue<string>())
                    "CC-BY-SA 4.0"
                    "what the release says stays"

                for channel in 0..1 do
                    let struct (voxels, header, _) =
                        MedSegDsl.Runtime.Nifti.NiftiFile.Read(
                            Path.Combine(made.Folder, $"imagesTs/prostate_03_000{channel}.nii.gz")
                        )

                    Expect.equal header.Type VoxelType.UInt16 "stored as before"

                    Expect.equal
                        voxels.Data
                        (Array.init 120 (fun i -> float32 ((120 * channel + i) * 7 % 60000)))
                        "the volume")
        }
        test "a whole release needs no permission, and a second run keeps what is there" {
            TemporaryFolder.using' (fun root ->
                let source = Path.Combine(root, "Task05_Prostate")
                SmallReleases.decathlon source

                let conversion =
                    ReleaseConversion(
                        MedicalDecathlon.Find source,
                        folders root,
                        ConversionOptions(DatasetId = 105)
                    )

                let made = conversion.Run()
                let kept = Path.Combine(made.Folder, "imagesTr/prostate_00_0000.nii.gz")
                let lost = Path.Combine(made.Folder, "imagesTr/prostate_01_0001.nii.gz")
                let stamp = File.GetLastWriteTimeUtc(kept).AddHours -1.0
                File.SetLastWriteTimeUtc(kept, stamp)
                File.Delete lost
                conversion.Run() |> ignore
                Expect.equal (File.GetLastWriteTimeUtc kept) stamp "finished cases stay"
                Expect.isTrue (File.Exists lost) "unfinished ones are made"
                let again = ConversionOptions(DatasetId = 105, Overwrite = true)

                ReleaseConversion(MedicalDecathlon.Find source, folders root, again).Run()
                |> ignore

                Expect.notEqual (File.GetLastWriteTimeUtc kept) stamp "made again where that is asked for")
        }
        test "truncated images, wrong numbers of channels, taken numbers" {
            TemporaryFolder.using' (fun root ->
                let source = Path.Combine(root, "Task05_Prostate")
                SmallReleases.decathlon source
                let image = Path.Combine(source, "imagesTr/prostate_00.nii.gz")
                let bytes = File.ReadAllBytes image

                let refuses (words: string list) =
                    TemporaryFolder.expectsLine words (fun () ->
                        convert root (MedicalDecathlon.Find source) |> ignore)

                File.WriteAllBytes(image, bytes[.. bytes.Length / 2])
                refuses [ "prostate_00.nii.gz" ]

                SmallReleases.nifti
                    source
                    "imagesTr/prostate_00.nii.gz"
                    512
                    (SmallReleases.shape @ [ 3 ])
                    (Array.zeroCreate 360)

                refuses [ "prostate_00.nii.gz"; "3 volumes"; "2 are expected" ]
                Directory.CreateDirectory(Path.Combine(root, "raw/Dataset005_Liver")) |> ignore
                refuses [ "Dataset005_Liver"; "--dataset" ])
        }
        test "a folder that is no task" {
            TemporaryFolder.using' (fun root ->
                TemporaryFolder.expectsLine [ "Task05_Prostate" ] (fun () ->
                    MedicalDecathlon.Find root |> ignore)

                TemporaryFolder.expectsLine [ "no such folder" ] (fun () ->
                    MedicalDecathlon.Find(Path.Combine(root, "Task01_BrainTumour")) |> ignore))
        }
    ]

let tests = testList "runtime/conversion" [ amos; brats; decathlon ]
