/// Which rank a process is, and which part of a batch it takes.
module MedSegDsl.Tests.Runtime.Distributed.PlacesTests

open System
open Expecto
open MedSegDsl.Runtime.Distributed
open MedSegDsl.Runtime.Training.Sampling
open MedSegDsl.Tests.Runtime

let private place (variables: (string * string) list) =
    let values = Map variables
    RankPlace.From(fun name -> Map.tryFind name values |> Option.toObj)

let private numbers (place: RankPlace) = place.Rank, place.Size, place.LocalRank

/// The share of forced samples in a rank's loader, as nnU-Net's trainer computes it from the parts' borders.
let private shareOfNnUNet share (part: BatchPart) =
    let low, high = part.First, part.First + part.Count
    let batch = float part.Batch

    if float high / batch < 1.0 - share then
        0.0
    elif float low / batch > 1.0 - share then
        1.0
    else
        let forced =
            Seq.filter (fun sample -> float sample >= Math.Round(batch * (1.0 - share))) [ low .. high - 1 ]

        float (Seq.length forced) / float part.Count

let tests =
    testList "distributed/places" [
        test "the rank comes from the program that started the processes" {
            let mpi = [
                "OMPI_COMM_WORLD_RANK", "3"
                "OMPI_COMM_WORLD_SIZE", "4"
                "OMPI_COMM_WORLD_LOCAL_RANK", "1"
            ]

            let slurm = [ "SLURM_PROCID", "5"; "SLURM_NTASKS", "8"; "SLURM_LOCALID", "1" ]

            let own = [ "RANK", "1"; "WORLD_SIZE", "2"; "LOCAL_RANK", "1" ]

            Expect.equal (numbers (place [])) (0, 1, 0) "alone"
            Expect.equal (numbers (place mpi)) (3, 4, 1) "mpirun"
            Expect.equal (numbers (place [ "PMI_RANK", "1"; "PMI_SIZE", "2" ])) (1, 2, 1) "MPICH"
            Expect.equal (numbers (place (("SLURM_STEP_ID", "0") :: slurm))) (5, 8, 1) "srun"
            Expect.equal (numbers (place slurm)) (0, 1, 0) "a batch script itself is one process"
            Expect.equal (numbers (place (slurm @ mpi))) (3, 4, 1) "mpirun inside Slurm"
            Expect.equal (numbers (place (own @ mpi))) (1, 2, 1) "medseg's own, and torchrun"
        }

        test "a rank beyond the number of ranks is refused" {
            TemporaryFolder.expectsLine [ "rank 2 of 2" ] (fun () ->
                place [ "RANK", "2"; "WORLD_SIZE", "2" ] |> ignore)
        }

        test "parts of a batch are nnU-Net's: sizes, order, and forced samples" {
            for batch in 1..13 do
                for ranks in 1..batch do
                    let parts = [ for rank in 0 .. ranks - 1 -> BatchPart.Of(batch, rank, ranks) ]

                    let expected = [
                        for rank in 0 .. ranks - 1 ->
                            batch / ranks + (if batch / ranks * ranks + rank < batch then 1 else 0)
                    ]

                    Expect.equal [ for part in parts -> part.Count ] expected "sizes"

                    Expect.equal
                        [
                            for part in parts do
                                yield! [ part.First .. part.First + part.Count - 1 ]
                        ]
                        [ 0 .. batch - 1 ]
                        "each sample once, in order"

                    for part in parts do
                        let inLoader =
                            let share = shareOfNnUNet 0.33 part

                            [
                                for sample in 0 .. part.Count - 1 ->
                                    float sample >= Math.Round(float part.Count * (1.0 - share))
                            ]

                        let here = [
                            for sample in part.First .. part.First + part.Count - 1 ->
                                ForegroundOversampling.IsForced(sample, batch, 0.33)
                        ]

                        Expect.equal here inLoader $"forced samples of {part}"
        }

        test "fewer samples than processes are refused" {
            TemporaryFolder.expectsLine [ "batch of 2"; "3 processes" ] (fun () ->
                BatchPart.Of(2, 0, 3) |> ignore)
        }
    ]
