/// The sliding window with a network that is one convolution.
module MedSegDsl.Tests.Runtime.Inference.PredictorTests

open System
open System.Text.Json
open Expecto
open TorchSharp
open MedSegDsl.Kernels
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Inference
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

let private tensor key (shape: int list) =
    let values = torch.tensor (Formula.unitSingle key (Formula.count shape): float32[])
    values.reshape (shape |> List.map int64 |> Array.ofList)

/// A 3 × 3 (× 3) convolution with padding 1.
let private convolution key classes channels axes : Func<torch.Tensor, torch.Tensor> =
    let weight = tensor (key + "/w") ([ classes; channels ] @ List.replicate axes 3)
    let bias = tensor (key + "/b") [ classes ]

    Func<_, _>(fun (input: torch.Tensor) ->
        if axes = 3 then
            torch.nn.functional.conv3d (input, weight, bias, padding = [| 1L; 1L; 1L |])
        else
            torch.nn.functional.conv2d (input, weight, bias, padding = [| 1L; 1L |]))

let private image key (shape: int list) =
    ImageArray<float32>(Formula.unitSingle key (Formula.count shape), shape.Head, Array.ofList shape.Tail)

let private flat (logits: Logits) =
    logits.Channels |> Array.concat |> Array.map float

let private golden =
    testList "golden/pipeline/unit/inference/sliding_window" [
        for case in UnitFile.rows "inference" "sliding_window" ->
            let of' (name: string) = case.GetProperty name
            let key = string ((of' "key").GetString())

            test key {
                NativeLibtorch.Load() |> ignore
                let patch = Expectations.ints (of' "patch")
                let shape = Expectations.intList (of' "shape")
                let classes = (of' "classes").GetInt32()

                let axes =
                    if (of' "mirror_axes").ValueKind = JsonValueKind.Null then
                        [||]
                    else
                        Expectations.ints (of' "mirror_axes")

                let options accumulation =
                    SlidingWindowOptions(
                        patch,
                        axes,
                        StepFraction = (of' "step").GetDouble(),
                        UseGaussian = (of' "use_gaussian").GetBoolean(),
                        Accumulation = accumulation
                    )

                use _ = torch.NewDisposeScope()
                let network = convolution key classes shape.Head patch.Length

                let predict accumulation =
                    use predictor = new SlidingWindowPredictor(options accumulation, torch.CPU)
                    flat (predictor.Predict(network, image key shape))

                let check tolerance (name: string) accumulation =
                    Expectations.matchesFloats
                        tolerance
                        (of' name)
                        (classes :: shape.Tail)
                        (predict accumulation)
                        name

                check 1e-4 "logits_float32" torch.ScalarType.Float32
                check 2e-3 "logits" torch.ScalarType.Float16
            }
    ]

let private options = SlidingWindowOptions([| 6; 6; 6 |], [| 0; 1; 2 |])

let private scope run =
    NativeLibtorch.Load() |> ignore
    use _ = torch.NewDisposeScope()
    run ()

let private behaviour =
    testList "runtime/inference/predictor" [
        test "tensors do not pile up, and progress counts the tiles" {
            scope (fun () ->
                use predictor = new SlidingWindowPredictor(options, torch.CPU)
                let network = convolution "flat" 2 1 3
                let input = image "flat" [ 1; 13; 9; 7 ]
                let seen = ResizeArray()

                let live () =
                    let before = DisposeScopeManager.Statistics.ThreadTotalLiveCount

                    predictor.Predict(network, input, (fun finished all -> seen.Add(finished, all)))
                    |> ignore

                    DisposeScopeManager.Statistics.ThreadTotalLiveCount - before

                Expect.equal (live ()) 0L "live tensors after a prediction"
                let tiles = SlidingWindow([| 13; 9; 7 |], [| 6; 6; 6 |]).Count
                Expect.equal (List.ofSeq seen) [ for i in 1..tiles -> i, tiles ] "progress")
        }
        test "a network that gives infinity is an error" {
            scope (fun () ->
                use predictor = new SlidingWindowPredictor(options, torch.CPU)

                Expect.throwsT<UserException>
                    (fun () ->
                        predictor.Predict((fun x -> x / torch.zeros_like x), image "inf" [ 1; 6; 6; 6 ])
                        |> ignore)
                    "not finite")
        }
        test "cancelling stops between tiles" {
            scope (fun () ->
                use predictor = new SlidingWindowPredictor(options, torch.CPU)
                use source = new Threading.CancellationTokenSource()

                let stop finished _ =
                    if finished = 2 then
                        source.Cancel()

                Expect.throwsT<OperationCanceledException>
                    (fun () ->
                        predictor.Predict(id, image "stop" [ 1; 20; 6; 6 ], stop, source.Token)
                        |> ignore)
                    "cancelled")
        }
        test "a mirror axis that the patch does not have is refused" {
            Expect.throwsT<UserException>
                (fun () ->
                    new SlidingWindowPredictor(SlidingWindowOptions([| 6; 6 |], [| 2 |]), torch.CPU)
                    |> ignore)
                "axes 0 and 1 only"
        }
    ]

let tests = testList "" [ golden; behaviour ]
