/// Processes that `--gpus` starts on one machine; their trainings need two GPUs.
module MedSegDsl.Tests.Runtime.Distributed.LocalRanksTests

open System
open System.Diagnostics
open System.IO
open Expecto
open TorchSharp
open MedSegDsl.Runtime.Training
open MedSegDsl.Tests.Runtime

/// Runs the test program, which starts the ranks.
let private run how folder =
    let clock = Stopwatch.StartNew()
    use ranks = Ranks.startAlone [] [ RankProgram.word; how; folder ]
    let code, _, error = Ranks.finish ranks
    code, error, clock.Elapsed.TotalSeconds

let private onTwoGpus name (run: unit -> unit) = test name {
    if TrainingDevice.Gpus < 2 then
        skiptest "two GPUs are wanted"

    run ()
}

let tests =
    testSequenced
    <| testList "distributed/local" [
        test "the processes meet, and end well together" {
            TemporaryFolder.using' (fun root ->
                let code, error, _ = run "meet" root
                Expect.equal code 0 error

                for rank in 0..1 do
                    Expect.equal
                        (File.ReadAllText(Path.Combine(root, $"rank{rank}")))
                        "rank 0, rank 1"
                        "each has heard both")
        }

        test "one that fails ends the other, with one message and a code" {
            TemporaryFolder.using' (fun root ->
                File.WriteAllText(Path.Combine(root, "fail"), "")
                let code, error, seconds = run "meet" root
                Expect.notEqual code 0 "not a success"
                Expect.stringContains error "rank 1 has ended" "a message"
                Expect.isLessThan seconds 30.0 "rank 0 did not wait a minute")
        }

        test "srun's variables, set by hand, make processes meet, also as if on two machines" {
            for nodes in [ "1"; "2" ] do
                TemporaryFolder.using' (fun root ->
                    let start (rank: int) =
                        Ranks.startAlone [
                            "SLURM_JOB_ID", $"{Environment.ProcessId}{nodes}"
                            "SLURM_STEP_ID", "0"
                            "SLURM_NTASKS", "2"
                            "SLURM_PROCID", string rank
                            "SLURM_LOCALID", (if nodes = "1" then string rank else "0")
                            "SLURM_NNODES", nodes
                            "SLURM_JOB_NODELIST", "localhost,other[1-3]"
                        ] [ RankProgram.word; "meet"; root ]

                    use second = start 1
                    use first = start 0

                    for ranks in [ first; second ] do
                        let code, _, error = Ranks.finish ranks
                        Expect.equal code 0 error

                    for rank in 0..1 do
                        Expect.equal
                            (File.ReadAllText(Path.Combine(root, $"rank{rank}")))
                            "rank 0, rank 1"
                            $"{nodes} machines")
        }

        onTwoGpus "two GPUs have the gradients, losses and pseudo Dice of one" (fun () ->
            let device = torch.Device(DeviceType.CUDA, 0)

            let ranks root =
                let code, error, _ = run "gradients" root
                Expect.equal code 0 error

            TemporaryFolder.using' (RankProgram.compareGradients 1e-4f device ranks))
    ]
