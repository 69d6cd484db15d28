/// Starts programs as a user does: in a process of their own, with their own environment.
module MedSegDsl.Tests.Experiments.RunProgram

open System
open System.Diagnostics
open System.IO
open MedSegDsl.Tests

/// What a program left: its exit code and what it printed.
type Run = {
    Code: int
    Output: string
    Error: string
}

/// The folder of this checkout.
let checkout =
    let rec up (folder: DirectoryInfo | null) =
        match folder with
        | null -> failwith "MedSegDsl.sln was not found above the test program"
        | folder when File.Exists(Path.Combine(folder.FullName, "MedSegDsl.sln")) -> folder.FullName
        | folder -> up folder.Parent

    lazy up (DirectoryInfo AppContext.BaseDirectory)

/// Runs `dotnet ARGUMENTS` in a folder. The environment is this process's, with nnU-Net's three folders as given or unset.
let dotnet folder (nnUNet: string option) (arguments: string list) =
    let start =
        ProcessStartInfo(
            "dotnet",
            arguments,
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    for name in [ "nnUNet_raw"; "nnUNet_preprocessed"; "nnUNet_results" ] do
        match nnUNet with
        | Some root -> start.Environment[name] <- Path.Combine(root, name)
        | None -> start.Environment.Remove name |> ignore

    match Process.Start start with
    | null -> failwith "dotnet did not start"
    | started ->
        use program = started
        let error = program.StandardError.ReadToEndAsync()
        let output = program.StandardOutput.ReadToEnd()
        program.WaitForExit()

        {
            Code = program.ExitCode
            Output = output
            Error = error.Result
        }

/// Runs `medseg ARGUMENTS`.
let medseg folder nnUNet arguments =
    dotnet folder nnUNet (Path.Combine(AppContext.BaseDirectory, "medseg.dll") :: arguments)
