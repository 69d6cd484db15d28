module MedSegDsl.Tests.Kernels.CudaResizingTests

open Expecto
open TorchSharp
open MedSegDsl.Kernels
open MedSegDsl.Tests.Kernels.CudaTensors

let private check dtype (shape: int64 list) (size: int64 list) =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 31L |> ignore
    let inputs: Inputs = [| normal dtype shape |]

    let apply (x: Inputs) =
        TrilinearResizing.Apply(nonNull x[0], Array.ofList size)

    compare dtype apply apply inputs (List.take 2 shape @ size)

// Of doubles the operator is libtorch's own.
let tests =
    testList "cuda/resizing" [
        for shape, size in
            [
                [ 1L; 1L; 1L; 1L; 1L ], [ 2L; 3L; 1L ]
                [ 2L; 5L; 3L; 4L; 5L ], [ 6L; 8L; 10L ]
                [ 2L; 32L; 4L; 5L; 6L ], [ 4L; 10L; 12L ]
                [ 1L; 12L; 5L; 5L; 5L ], [ 7L; 9L; 14L ]
                [ 1L; 16L; 9L; 8L; 7L ], [ 4L; 3L; 2L ]
                [ 1L; 8L; 3L; 3L; 3L ], [ 12L; 12L; 12L ]
            ] do
            gpuTest $"%A{shape} to %A{size}" (fun () -> check torch.float32 shape size)
        gpuTest "bfloat16" (fun () -> check torch.bfloat16 [ 2L; 16L; 3L; 4L; 5L ] [ 6L; 8L; 10L ])
        gpuTest "float16" (fun () -> check torch.float16 [ 2L; 16L; 3L; 4L; 5L ] [ 6L; 8L; 10L ])
    ]
