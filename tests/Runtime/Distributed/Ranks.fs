/// Communicators of tests: one that plays several equal ranks in one process, and processes under Open MPI's mpirun.
module MedSegDsl.Tests.Runtime.Distributed.Ranks

open System
open System.Diagnostics
open System.IO
open Expecto
open TorchSharp
open MedSegDsl.Runtime.Distributed

/// As if so many ranks had the same numbers: a sum is that many times its own. Counts what it is asked for.
type EqualRanks(size: int) =
    let begun = ResizeArray<int64>()

    let sum (tensor: torch.Tensor) =
        use once = tensor.clone ()

        for _ in 2..size do
            tensor.add_ once |> ignore

    /// What beginning a sum ends with.
    member val Failure: exn option = None with get, set

    /// The length of each sum that was begun, in order.
    member _.Begun = List.ofSeq begun

    interface ICommunicator with
        member _.Rank = 0
        member _.Size = size
        member _.LocalRank = 0
        member _.CoreSharers = size
        member _.Sum tensor = sum tensor

        member this.BeginSum tensor =
            this.Failure |> Option.iter raise
            begun.Add(tensor.numel ())
            sum tensor

            {
                new IPendingSum with
                    member _.Wait() = ()
            }

        member _.Broadcast _ = ()
        member _.Gather own = [| for _ in 1..size -> own.ToArray() |]
        member _.Barrier() = ()
        member _.Close() = ()
        member _.Dispose() = ()

let private found =
    lazy
        (match Environment.GetEnvironmentVariable "PATH" with
         | null -> None
         | path ->
             path.Split ':'
             |> Seq.map (fun folder -> Path.Combine(folder, "mpirun"))
             |> Seq.tryFind File.Exists)

/// A test that needs mpirun; skipped, with a word on what to install, where there is none.
let mpiTest name (run: unit -> unit) = test name {
    if Option.isNone found.Value then
        skiptest "mpirun is not there: install Open MPI (Debian: openmpi-bin)"

    run ()
}

/// Starts a program as several ranks under mpirun: `dotnet` and these words.
let startProgram variables (ranks: int) (words: string list) =
    let info =
        ProcessStartInfo(
            "mpirun",
            [ "--oversubscribe"; "--bind-to"; "none"; "-np"; string ranks; "dotnet" ]
            @ words,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    info.Environment["OMP_NUM_THREADS"] <- "1"
    // Ranks that wait give their core to others: there may be fewer cores than ranks.
    info.Environment["OMPI_MCA_mpi_yield_when_idle"] <- "1"
    info.Environment["OMPI_ALLOW_RUN_AS_ROOT"] <- "1"
    info.Environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] <- "1"

    for name, value in variables do
        info.Environment[name] <- value

    match Process.Start info with
    | null -> failwith "mpirun did not start"
    | started -> started

let private program = Path.Combine(AppContext.BaseDirectory, "medseg-tests.dll")

/// Starts ranks of the test program under mpirun.
let start ranks arguments =
    startProgram [] ranks (program :: arguments)

/// Starts the test program, which starts ranks itself, or is told by variables that it is one.
let startAlone variables (arguments: string list) =
    let info =
        ProcessStartInfo(
            nonNull Environment.ProcessPath,
            [
                if Path.GetFileName Environment.ProcessPath = "dotnet" then
                    program
                yield! arguments
            ],
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    info.Environment["OMP_NUM_THREADS"] <- "1"

    for name, value in variables do
        info.Environment[name] <- value

    match Process.Start info with
    | null -> failwith "the test program did not start"
    | started -> started

/// What the ranks have left: mpirun's exit code, what they printed, and their errors.
let finish (ranks: Process) =
    let error = ranks.StandardError.ReadToEndAsync()
    let output = ranks.StandardOutput.ReadToEnd()
    ranks.WaitForExit()
    ranks.ExitCode, output, error.Result
