/// The program as a user meets it: words, exit codes, lines.
module MedSegDsl.Tests.Experiments.CommandLineTests

open System.IO
open Expecto
open MedSegDsl
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime
open MedSegDsl.Tests.Experiments.RunProgram

let private inNewFolder run = TemporaryFolder.using' run

/// Expects exit code 1 and one line on the error output that holds these words; nothing may have been made in the folder.
let private refuses name arguments (words: string list) =
    testCase name (fun () ->
        inNewFolder (fun folder ->
            let run = medseg folder None arguments
            Expect.equal run.Code 1 $"exit code of: {run.Error}"
            let line = run.Error.TrimEnd()
            Expect.isFalse (line.Contains '\n') $"one line: {line}"

            for word in words do
                Expect.stringContains line word "the line names it"

            Expect.isEmpty (Directory.GetFileSystemEntries folder) "nothing was made"))

let private wrongWord name arguments (words: string list) =
    testCase name (fun () ->
        inNewFolder (fun folder ->
            let run = medseg folder None arguments
            Expect.equal run.Code 2 "exit code"
            Expect.stringContains run.Error "--help" "the help follows"

            for word in words do
                Expect.stringContains run.Error word "the help names it"))

let private prints name arguments (words: string list) =
    testCase name (fun () ->
        inNewFolder (fun folder ->
            let run = medseg folder None arguments
            Expect.equal run.Code 0 $"exit code of: {run.Error}"

            for word in words do
                Expect.stringContains run.Output word "the output names it"))

let private commands = [
    "quickstart"
    "convert"
    "plan"
    "preprocess"
    "train"
    "submit"
    "predict"
    "evaluate"
    "ensemble"
    "accumulate-crossval-results"
    "find-best-configuration"
    "apply-postprocessing"
    "import"
    "export"
    "compare"
    "table"
    "measure"
    "list"
    "inspect"
]

let private inspected =
    testCase "inspect shows a golden case" (fun () ->
        let raw = Folder.at [ "pipeline"; "raw" ]

        if Directory.Exists raw then
            let file =
                Directory.GetFiles(raw, "*.nii.gz", SearchOption.AllDirectories) |> Array.min

            let run = medseg raw None [ "inspect"; file ]
            Expect.equal run.Code 0 $"exit code of: {run.Error}"

            for word in
                [
                    "shape (z, y, x)"
                    "spacing (z, y, x)"
                    "affine"
                    "stored type"
                    "minimum"
                    "mean"
                ] do
                Expect.stringContains run.Output word "a row")

let private truncated =
    testCase "inspect names a truncated file" (fun () ->
        inNewFolder (fun folder ->
            let file = Path.Combine(folder, "case_0000.nii")
            File.WriteAllBytes(file, Array.zeroCreate 100)
            let run = medseg folder None [ "inspect"; file ]
            Expect.equal run.Code 1 "exit code"
            Expect.stringContains run.Error file "the line names the file"
            Expect.isFalse (run.Error.TrimEnd().Contains '\n') $"one line: {run.Error}"))

let private missingDataset =
    testCase "a dataset that is not there" (fun () ->
        inNewFolder (fun folder ->
            Directory.CreateDirectory(Path.Combine(folder, "nnUNet_raw")) |> ignore
            let run = medseg folder (Some folder) [ "plan"; "77" ]
            Expect.equal run.Code 1 "exit code"
            Expect.stringContains run.Error "77" "the line names the dataset"
            Expect.stringContains run.Error folder "and where it was looked for"))

let private tables =
    testCase "table in every format" (fun () ->
        inNewFolder (fun folder ->
            for format in [ "markdown"; "latex"; "html"; "csv" ] do
                let file = Path.Combine(folder, $"table.{format}")

                let run =
                    medseg folder None [
                        "table"
                        "--networks"
                        "UlikeMamba_3dMT_paper"
                        "--format"
                        format
                        "-o"
                        file
                    ]

                Expect.equal run.Code 0 $"exit code of: {run.Error}"
                Expect.stringContains (File.ReadAllText file) "92.8" "GFLOPs of networks.md"))

let private measuredTable =
    testCase "table measures on this machine" (fun () ->
        inNewFolder (fun folder ->
            let run =
                medseg folder None [
                    "table"
                    "--networks"
                    "UlikeMamba_1d"
                    "--input"
                    "1x32x32x32"
                    "--classes"
                    "3"
                    "--measure"
                    "--device"
                    "cpu"
                    "--format"
                    "csv"
                ]

            Expect.equal run.Code 0 $"exit code of: {run.Error}"
            let lines = run.Output.Split '\n'
            let row = lines[1].Split ','
            Expect.equal row.Length 8 run.Output

            for figure in row[4..] do
                Expect.isGreaterThan (float figure) 0.0 $"a measured figure of: {run.Output}"))

let private imported =
    testCase "import names what a pickle may not" (fun () ->
        inNewFolder (fun folder ->
            let file = Path.Combine(folder, "weights.pth")

            using
                (System.IO.Compression.ZipFile.Open(file, System.IO.Compression.ZipArchiveMode.Create))
                (fun zip ->
                    use stream = zip.CreateEntry("a/data.pkl").Open()
                    stream.Write(System.Text.Encoding.Latin1.GetBytes "\128\002cposix\nsystem\n)R."))

            let run = medseg folder None [ "import"; file; "-n"; "UlikeMamba_3d" ]
            Expect.equal run.Code 1 "exit code"
            Expect.stringContains run.Error file "the file"
            Expect.isFalse (run.Error.TrimEnd().Contains '\n') $"one line: {run.Error}"))

let private amos arguments =
    dotnet checkout.Value None ("fsi" :: "experiments/amos.fsx" :: arguments)

let private scripts =
    testList "scripts" [
        testCase "amos.fsx shows the experiment and what is missing" (fun () ->
            let run = amos [ "--"; "--help" ]
            Expect.equal run.Code 0 $"exit code of: {run.Error}"

            for word in [ "Dataset218"; "UlikeMamba_3dMT"; "missing: "; "--continue" ] do
                Expect.stringContains run.Output word "the help names it")
        testCase "amos.fsx without data names what is missing" (fun () ->
            let run = amos []
            Expect.equal run.Code 1 "exit code"
            Expect.stringContains run.Error "nnUNet_raw" "the line names it")
        testCase "a wrong word" (fun () ->
            let run = amos [ "--fold"; "0" ]
            Expect.equal run.Code 2 "exit code"
            Expect.stringContains run.Error "--folds" "the help follows")
    ]

let tests =
    testList "command line" [
        prints "--help lists the commands" [ "--help" ] commands
        prints "a command's help explains its words" [ "train"; "--help" ] [
            "--network"
            "3d_fullres"
            "--continue"
        ]
        prints "list prints every network" [ "list"; "networks" ] Networks.names
        wrongWord "a wrong command" [ "trian"; "901" ] commands
        wrongWord "no command" [] commands
        wrongWord "a wrong option" [ "train"; "901"; "3d_fullres"; "0"; "--netwrk"; "UlikeMamba_3d" ] [
            "--network"
        ]
        refuses "an unknown network" [ "train"; "901"; "3d_fullres"; "0"; "-n"; "Nonesuch" ] [
            "Nonesuch"
            "list networks"
        ]
        refuses "an unknown configuration" [ "train"; "901"; "3d"; "0" ] [ "3d_fullres"; "3d_lowres" ]
        refuses "a fold that is no number" [ "train"; "901"; "3d_fullres"; "first" ] [ "first" ]
        refuses "nnU-Net's folders are not named" [ "plan"; "901" ] [ "nnUNet_raw" ]
        refuses "a release that cannot be converted" [ "convert"; "acdc"; "folder" ] [
            "acdc"
            "totalsegmentator-mri"
        ]
        refuses "a release that is not there" [ "convert"; "brats"; "nowhere" ] [ "nowhere"; "BraTS 2021" ]
        refuses "a file that is not there" [ "inspect"; "nowhere.nii.gz" ] [ "nowhere.nii.gz" ]
        refuses "folders that are not there" [ "evaluate"; "labels"; "predictions" ] [
            "predictions"
            "--dataset-json"
        ]
        refuses "slices without pictures" [ "evaluate"; "labels"; "out"; "--slices"; "10" ] [ "--pictures" ]
        refuses "a plane without slices" [
            "evaluate"
            "labels"
            "out"
            "--pictures"
            "1"
            "--plane"
            "axial"
        ] [ "--slices" ]
        refuses "a wrong plane" [
            "evaluate"
            "labels"
            "out"
            "--pictures"
            "1"
            "--slices"
            "10"
            "20"
            "--plane"
            "oblique"
        ] [ "oblique"; "axial, coronal or sagittal" ]
        refuses "pictures of no case" [ "evaluate"; "labels"; "out"; "--pictures"; "0" ] [ "--pictures 0" ]
        refuses "a model that is not there" [ "predict"; "-i"; "images"; "-o"; "out"; "-m"; "model" ] [
            "model"
        ]
        refuses "an ensemble of one" [ "ensemble"; "-i"; "one"; "-o"; "out" ] [ "at least two" ]
        refuses "an ensemble of folders that are not there" [ "ensemble"; "-i"; "one"; "two"; "-o"; "out" ] [
            "one"
            "no such folder"
        ]
        refuses "post-processing that is not there" [
            "apply-postprocessing"
            "-i"
            "in"
            "-o"
            "out"
            "-pp_pkl_file"
            "postprocessing.pkl"
        ] [ "postprocessing.json"; "no such file" ]
        refuses "a choice without results" [ "find-best-configuration"; "Dataset901_X" ] [ "nnUNet_results" ]
        refuses "a comparison of nothing" [ "compare" ] [ "compare"; "-n" ]
        inspected
        truncated
        missingDataset
        refuses "an unknown trainer" [ "train"; "901"; "3d_fullres"; "0"; "-tr"; "nnUNetTrainerNonesuch" ] [
            "nnUNetTrainerNonesuch"
            "nnUNetTrainerUMambaEnc"
        ]
        refuses "weights that are not there" [ "import"; "nowhere.pth"; "-n"; "UlikeMamba_3d" ] [
            "nowhere.pth"
        ]
        refuses "a model to export that is not named" [ "export"; "out.pth" ] [ "-m"; "-d" ]
        imported
        tables
        measuredTable
        scripts
    ]
