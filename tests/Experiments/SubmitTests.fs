/// Trainings as a Slurm job array: the script, and what it does.
module MedSegDsl.Tests.Experiments.SubmitTests

open System
open System.Diagnostics
open System.IO
open Expecto
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Tests.Runtime
open MedSegDsl.Tests.Experiments.RunProgram

/// Runs a line of bash in a folder, with these folders of programs.
let private bashWith (path: string) (folder: string) (line: string) =
    let start =
        ProcessStartInfo(
            "/bin/bash",
            [ "-c"; line ],
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    start.Environment["PATH"] <- path

    for name in [ "raw"; "preprocessed"; "results" ] do
        start.Environment["nnUNet_" + name] <- Path.Combine(folder, name)

    match Process.Start start with
    | null -> failwith "bash did not start"
    | started ->
        use shell = started
        shell.StandardInput.Close()
        let error = shell.StandardError.ReadToEndAsync()
        let output = shell.StandardOutput.ReadToEnd()
        shell.WaitForExit()

        {
            Code = shell.ExitCode
            Output = output
            Error = error.Result
        }

/// The same where the folder's own programs come first.
let private bash folder =
    let path = Environment.GetEnvironmentVariable "PATH"
    bashWith $"{folder}:{path}" folder

/// A program of the folder.
let private program (folder: string) name (lines: string list) =
    let path = Path.Combine(folder, name)
    File.WriteAllText(path, String.Join("\n", "#!/bin/bash" :: lines) + "\n")
    File.SetUnixFileMode(path, UnixFileMode.UserRead ||| UnixFileMode.UserWrite ||| UnixFileMode.UserExecute)

let private withDataset run =
    TemporaryFolder.using' (fun folder ->
        TemporaryFolder.write folder [ "raw"; "Dataset901_Small"; "dataset.json" ] "{}"
        |> ignore

        run folder)

let private submit folder words =
    let medseg = Path.Combine(AppContext.BaseDirectory, "medseg.dll")
    bash folder $"dotnet '{medseg}' submit 901 3d_fullres {words}"

let private jobs: SlurmArray = {
    Name = "it's"
    Folds = [ "0"; "1"; "all" ]
    Seeds = [ 1; 7 ]
    Partition = None
    Account = None
    Time = None
    Gpus = 1
    Cpus = 2
    Memory = None
    Environment = [ "nnUNet_raw", "/data of 'us'" ]
    Program = [ "training" ]
    Before = [ "Dataset901_Small"; "3d_fullres" ]
    After = [ "--epochs"; "3" ]
}

/// Runs a task of the array as Slurm does.
let private task folder (index: int) =
    File.WriteAllText(Path.Combine(folder, "job"), SlurmArray.script jobs)
    bash folder $"SLURM_ARRAY_JOB_ID=17 SLURM_ARRAY_TASK_ID={index} bash job"

let private isSilent (run: Run) =
    Expect.equal (run.Code, run.Error) (0, "") "without a complaint"

let tests =
    testList "submit" [
        test "each fold and seed is a task of its own, with all words as they were given" {
            TemporaryFolder.using' (fun folder ->
                program folder "training" [ "echo \"$* in $nnUNet_raw\"" ]

                let outputs = [
                    for index in 0 .. SlurmArray.tasks jobs - 1 do
                        let run = task folder index
                        isSilent run
                        run.Output.Trim()
                ]

                let expected = [
                    for seed in jobs.Seeds do
                        for fold in jobs.Folds ->
                            $"train Dataset901_Small 3d_fullres {fold} --seed {seed} --epochs 3 --continue in /data of 'us'"
                ]

                Expect.equal outputs expected "six trainings")
        }

        test "a task that was asked to stop is queued again, one that failed is not" {
            TemporaryFolder.using' (fun folder ->
                program folder "scontrol" [ "echo \"scontrol $*\"" ]
                program folder "training" [ "exit 75" ]
                let stopped = task folder 3
                Expect.equal stopped.Code 75 "the exit code"
                Expect.equal (stopped.Output.Trim()) "scontrol requeue 17_3" "again"
                program folder "training" [ "exit 1" ]
                let failed = task folder 3
                Expect.equal (failed.Code, failed.Output) (1, "") "not again")
        }

        test "SIGTERM reaches the training, and its own exit code counts" {
            TemporaryFolder.using' (fun folder ->
                program folder "scontrol" [ "echo \"scontrol $*\"" ]

                // The training tells the script to stop, as Slurm does, and then saves for a while.
                program folder "training" [
                    "trap 'sleep 0.3; echo saved; exit 75' TERM"
                    "kill -TERM $PPID"
                    "while true; do sleep 0.05; done"
                ]

                let stopped = task folder 0
                Expect.equal stopped.Code 75 $"the exit code; {stopped.Error}"
                Expect.stringContains stopped.Output "saved" "it had its time"
                Expect.stringContains stopped.Output "scontrol requeue 17_0" "again")
        }

        test "the command writes and shows the script, and submits it when told to" {
            withDataset (fun folder ->
                program folder "sbatch" [ "bash -n \"$1\" && echo \"took $1\"" ]

                let words =
                    "--seeds 1 2 --network UNETR --time 2-00:00:00 --partition gpu --memory 64G"

                let dry = submit folder (words + " --train \"--epochs 5\" --dry-run")
                isSilent dry
                let file = Path.Combine(folder, "Dataset901_Small-UNETR-3d_fullres.sbatch")
                let script = File.ReadAllText file
                Expect.stringContains dry.Output script "it is shown"
                Expect.isFalse (dry.Output.Contains "took") "a dry run submits nothing"

                for line in
                    [
                        "#SBATCH --array=0-9\n"
                        "#SBATCH --time=2-00:00:00\n"
                        "#SBATCH --partition=gpu\n"
                        "#SBATCH --mem=64G\n"
                        "#SBATCH --gpus-per-node=1\n"
                        "#SBATCH --output=Dataset901_Small-UNETR-3d_fullres_%A_%a.log\n"
                        "'--network' 'UNETR' '--epochs' '5'"
                    ] do
                    Expect.stringContains script line "the script"

                let sent = submit folder (words + " --yes")
                isSilent sent
                Expect.stringContains sent.Output $"took {file}" "submitted"
                let nobody = submit folder words
                Expect.equal nobody.Code 1 "there is nobody to ask"
                Expect.stringContains nobody.Error "--yes" "and the line says what to do")
        }

        test "without sbatch, and with wrong words, a line says so" {
            withDataset (fun folder ->
                let medseg = String.Join(' ', [ for word in OwnProgram.words -> $"'{word}'" ])

                let without = bashWith folder folder $"{medseg} submit 901 3d_fullres -f 0 --yes"

                Expect.equal without.Code 1 "no sbatch"

                Expect.stringContains
                    without.Output
                    "1 job: 1 fold, 1 seed; the script is"
                    "what there is of it"

                Expect.stringContains without.Error "sbatch is not on the PATH: submit " "and why not more"
                Expect.stringContains without.Error ".sbatch on a machine of the cluster" "and what to do"
                program folder "sbatch" [ "echo 'invalid partition' >&2; exit 1" ]
                let refused = submit folder "--yes"
                Expect.equal refused.Code 1 "sbatch refused"
                Expect.stringContains refused.Error "invalid partition" "its reason"
                let wrong = submit folder "--train \"--epoch 5\" --dry-run"
                Expect.equal wrong.Code 2 "a wrong word of train"
                let seeded = submit folder "--train \"--seed 5\" --dry-run"
                Expect.equal seeded.Code 1 "a seed in the wrong place"
                Expect.stringContains seeded.Error "--seeds" "and where it belongs")
        }
    ]
