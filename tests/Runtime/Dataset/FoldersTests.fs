module MedSegDsl.Tests.Runtime.FoldersTests

open System.IO
open Expecto
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Files
open MedSegDsl.Tests.Runtime

let private json listed =
    let text =
        $"{{\"channel_names\": {{\"0\": \"T1\", \"1\": \"T2\"}}, \"labels\": {{\"background\": 0, \"a\": 1}}, \"numTraining\": 2, \"file_ending\": \".nii.gz\"{listed}}}"

    DatasetJson(PythonJson.Parse(text, "dataset.json").AsObject(), "dataset.json")

let tests =
    testList "runtime/folders" [
        test "a number is looked up in all folders" {
            TemporaryFolder.using' (fun root ->
                let at name =
                    Directory.CreateDirectory(Path.Combine(root, name)).FullName

                at "raw/Dataset005_Liver" |> ignore
                at "pre/Dataset005_Liver" |> ignore
                at "pre/Dataset012_Heart" |> ignore
                let folders = NnUNetFolders(at "raw", at "pre", null)

                for word in [ "5"; "005"; "Dataset005"; "Dataset005_Liver" ] do
                    Expect.equal (folders.DatasetName word) "Dataset005_Liver" word

                Expect.equal (folders.DatasetName 12) "Dataset012_Heart" "found in the second folder"

                TemporaryFolder.expectsLine [ "Dataset099_"; "Dataset005_Liver"; root ] (fun () ->
                    folders.DatasetName 99 |> ignore)

                at "raw/Dataset012_Brain" |> ignore

                TemporaryFolder.expectsLine [ "12"; "Dataset012_Brain"; "Dataset012_Heart" ] (fun () ->
                    folders.DatasetName 12 |> ignore)

                TemporaryFolder.expectsLine [ "liver" ] (fun () -> folders.DatasetName "liver" |> ignore)

                TemporaryFolder.expectsLine [ "nnUNet_results"; "not set" ] (fun () ->
                    folders.Results |> ignore)

                TemporaryFolder.expectsLine [ "Dataset012_Heart"; "no such folder" ] (fun () ->
                    folders.RawDataset "Dataset012_Heart" |> ignore)

                Expect.equal (NnUNetFolders.DatasetId "Dataset012_Heart") 12 "the number of a name")
        }

        test "without folders the variable is named" {
            let folders = NnUNetFolders(null, "", null)
            TemporaryFolder.expectsLine [ "nnUNet_raw"; "export" ] (fun () -> folders.DatasetName 1 |> ignore)
            TemporaryFolder.expectsLine [ "nnUNet_preprocessed" ] (fun () -> folders.Preprocessed |> ignore)
        }

        test "cases of a folder, in byte order" {
            TemporaryFolder.using' (fun root ->
                for case in [ "b_2"; "B_10"; "b_10" ] do
                    for channel in [ 1; 0 ] do
                        TemporaryFolder.write root [ "imagesTr"; $"{case}_%04d{channel}.nii.gz" ] ""
                        |> ignore

                TemporaryFolder.write root [ "imagesTr"; "readme.txt" ] "" |> ignore
                let cases = CaseList.Training(root, json "")
                Expect.equal [ for c in cases -> c.Id ] [ "B_10"; "b_10"; "b_2" ] "ordinal order"
                let expected = [ for c in 0..1 -> Path.Combine(root, "imagesTr", $"b_2_%04d{c}.nii.gz") ]
                Expect.equal (List.ofSeq cases[2].Images) expected "channels in order"
                Expect.equal cases[2].Label (Path.Combine(root, "labelsTr", "b_2.nii.gz")) "label"
                TemporaryFolder.write root [ "imagesTr"; "odd.nii.gz" ] "" |> ignore

                TemporaryFolder.expectsLine [ "odd.nii.gz"; "odd_0000.nii.gz" ] (fun () ->
                    CaseList.Training(root, json "") |> ignore))
        }

        test "cases listed in dataset.json, in its order" {
            let listed =
                """, "dataset": {"z": {"images": ["a/z0.nii.gz", "/b/z1.nii.gz"], "label": "$MEDSEG_NOT_SET/z.nii.gz"}, "a": {"images": ["../a.nii.gz"], "label": "a.nii.gz"}}"""

            let cases = CaseList.Training("/data/Dataset001_X", json listed)
            Expect.equal [ for c in cases -> c.Id ] [ "z"; "a" ] "file order"

            Expect.equal
                (List.ofSeq cases[0].Images)
                [ "/data/Dataset001_X/a/z0.nii.gz"; "/b/z1.nii.gz" ]
                "relative to the dataset's folder"

            Expect.equal cases[0].Label "/data/Dataset001_X/$MEDSEG_NOT_SET/z.nii.gz" "unset variables stay"
            Expect.equal (List.ofSeq cases[1].Images) [ "/data/a.nii.gz" ] "upwards"
        }

        test "a missing folder is named" {
            TemporaryFolder.using' (fun root ->
                TemporaryFolder.expectsLine [ Path.Combine(root, "imagesTr") ] (fun () ->
                    CaseList.Training(root, json "") |> ignore))
        }
    ]
