/// Batches: the same whatever the number of threads, in order, with the case's name where one cannot be read.
module MedSegDsl.Tests.Runtime.Training.LoadingTests

open System
open System.IO
open System.Threading
open Expecto
open TorchSharp
open MedSegDsl.Runtime.Distributed
open MedSegDsl.Runtime.Training.Loading
open MedSegDsl.Runtime.Training.Sampling
open MedSegDsl.Tests.Runtime

let private keys = [ for i in 0..19 -> BatchKey(BatchPurpose.Training, 0, i) ]

let private maker (cases: ITrainingCase seq) =
    BatchMaker(ResizeArray cases, [| 6; 10; 10 |], [| 4; 8; 8 |], BatchPart.Whole 3, 0.33, false, 7)

let private balls () = [| for ball in SmallTraining.cases "ball" 3 4 -> ball :> ITrainingCase |]

/// What is in a batch.
let private contents (batch: Batch) =
    batch.Key,
    List.ofSeq batch.Cases,
    batch.Image.data<float32>().ToArray(),
    batch.Segmentation.data<int16>().ToArray(),
    batch.Random.Below 1000000

let private load threads =
    let source = maker (balls ())
    use loader = new BatchLoader(keys, (fun key -> source.Make key), threads, 3)

    [
        for _ in keys do
            use batch = loader.Next()
            contents batch
    ]

/// A case that cannot be read.
let private broken id = {
    new ITrainingCase with
        member _.Id = id
        member _.Channels = 1
        member _.Shape = [| 20; 20; 20 |]
        member _.Locations = [||]
        member _.ReadPatch(_, _, _, _) = raise (IOException "the disk is gone")
}

let tests =
    testList "training/loading" [
        test "the number of threads changes nothing" {
            let alone = load 1
            Expect.equal (load 4) alone "batches"
            Expect.equal [ for key, _, _, _, _ in alone -> key ] keys "in the order of the keys"
        }

        test "patches outside the image are 0 and -1" {
            use batch = maker(balls ()).Make keys[0]

            let image, segmentation =
                batch.Image.data<float32>().ToArray(), batch.Segmentation.data<int16>().ToArray()

            Expect.equal (List.ofSeq batch.Image.shape) [ 3L; 1L; 6L; 10L; 10L ] "shape of the image"

            Expect.equal
                (List.ofSeq batch.Segmentation.shape)
                [ 3L; 1L; 6L; 10L; 10L ]
                "shape of the segmentation"

            Array.iter2
                (fun i s ->
                    if s = -1s then
                        Expect.equal i 0f "outside")
                image
                segmentation
        }

        test "the last third of a batch contains foreground" {
            let make = maker(balls ()).Make

            for key in keys do
                use batch = make key

                Expect.isGreaterThan
                    (batch.Segmentation[2].max().item<int16>())
                    0s
                    "foreground in the last sample"
        }

        test "a case that cannot be read is named where its batch is taken" {
            let source = maker [ broken "RB_042" ]
            use loader = new BatchLoader(keys, (fun key -> source.Make key), 2, 3)

            TemporaryFolder.expectsLine [ "case RB_042: the disk is gone" ] (fun () ->
                loader.Next().Dispose())
        }

        // By itself, because the number of live tensors is that of the whole process.
        testSequenced
        <| test "a loader that is no longer needed stops, and nothing of it stays" {
            // What other tests left to the garbage collector must not disappear in between.
            GC.Collect()
            GC.WaitForPendingFinalizers()
            let before = torch.Tensor.TotalCount
            let made = ref 0

            let counted key =
                Interlocked.Increment made |> ignore
                maker(balls ()).Make key

            let loader = new BatchLoader(keys, counted, 2, 3)
            loader.Next().Dispose()
            loader.Dispose()
            Expect.isLessThan made.Value 6 "no more than the queue holds"
            Expect.equal torch.Tensor.TotalCount before "live tensors"
        }
    ]
