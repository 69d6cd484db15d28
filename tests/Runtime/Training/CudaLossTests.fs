module MedSegDsl.Tests.Runtime.Training.CudaLossTests

open Expecto
open TorchSharp
open MedSegDsl.Runtime.Training.Losses
open MedSegDsl.Tests.Kernels.CudaTensors

/// The loss and its gradient on the GPU against those in tensor operations on the CPU.
let private check (loss: SoftmaxLoss) classes (shape: int64 list) =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 41L |> ignore
    let batch, space = shape[0], shape[1..]

    let logits =
        torch.randn(Array.ofList (batch :: classes :: space), device = gpu.Value).mul(torch.tensor 3.0f)

    let target =
        torch.randint (classes, Array.ofList (batch :: 1L :: space), device = gpu.Value)

    let actual = loss.Evaluate(logits, target, 0.7)
    let expected = loss.Evaluate(logits.cpu (), target.cpu (), 0.7)
    Expect.isLessThan (relativeError expected.Value (actual.Value.cpu ())) 1e-5 "value"

    Expect.isLessThan
        (relativeError (nonNull expected.Gradient) ((nonNull actual.Gradient).cpu()))
        1e-5
        "gradient"

    let again = loss.Evaluate(logits, target, 0.7)

    Expect.equal (again.Value.item<float32>()) (actual.Value.item<float32>()) "the same bits twice"

let private shape = [ 2L; 9L; 20L; 31L ]

let tests =
    testList "cuda/softmax loss" [
        for batchDice in [ false; true ] do
            for background in [ false; true ] do
                gpuTest $"with Dice, over the batch %b{batchDice}, background %b{background}" (fun () ->
                    check (SoftmaxLoss(true, DiceTerm(batchDice, background))) 16L shape)

        gpuTest "an ignored label" (fun () -> check (SoftmaxLoss(true, DiceTerm(true, false), 3)) 5L shape)
        gpuTest "cross-entropy alone" (fun () -> check (SoftmaxLoss(true, null)) 3L shape)
        gpuTest "cross-entropy alone, an ignored label" (fun () ->
            check (SoftmaxLoss(true, null, 0)) 3L shape)
        gpuTest "Dice alone" (fun () -> check (SoftmaxLoss(false, DiceTerm(false, false))) 2L shape)
        gpuTest "40 classes" (fun () ->
            check (SoftmaxLoss(true, DiceTerm(true, false))) 40L [ 1L; 2L; 3L; 5L ])
        gpuTest "more classes than the passes take" (fun () ->
            check (SoftmaxLoss(true, DiceTerm(true, false))) 41L [ 1L; 2L; 3L; 5L ])
        gpuTest "in the plane" (fun () ->
            check (SoftmaxLoss(true, DiceTerm(true, false))) 4L [ 3L; 40L; 50L ])
    ]
