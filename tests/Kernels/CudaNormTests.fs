module MedSegDsl.Tests.Kernels.CudaNormTests

open Expecto
open TorchSharp
open MedSegDsl.Kernels
open MedSegDsl.Tests.Kernels.Numbers
open MedSegDsl.Tests.Kernels.CudaTensors

let private check dtype (shape: int64 list) =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 23L |> ignore
    let channels = List.last shape
    let inputs: Inputs = [| strided dtype shape; normal torch.float32 [ channels ] |]

    let apply (normalize: Tensor * Tensor * float -> Tensor) (x: Inputs) =
        normalize (nonNull x[0], nonNull x[1], 1e-5)

    compare dtype (apply RmsNormalization.Apply) (apply RmsNormalization.WithTensorOperations) inputs shape

let tests =
    testList "cuda/norm" [
        for shape in
            [
                // Of a single channel the gradient is what ε leaves of 1 − 1: nothing to compare.
                [ 1L; 2L ]
                [ 3L; 31L ]
                [ 2L; 7L; 48L ]
                [ 100L; 33L; 96L ]
                [ 2L; 3L; 4L; 5L; 512L ]
                [ 70000L; 48L ]
            ] do
            gpuTest $"%A{shape}" (fun () -> check torch.float32 shape)
        gpuTest "bfloat16" (fun () -> check torch.bfloat16 [ 50L; 48L ])
        gpuTest "float16" (fun () -> check torch.float16 [ 50L; 48L ])
    ]
