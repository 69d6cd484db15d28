module MedSegDsl.Tests.Kernels.CudaLayoutTests

open Expecto
open TorchSharp
open MedSegDsl.Kernels
open MedSegDsl.Tests.Kernels.CudaTensors

let private check dtype (shape: int64 list) =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 37L |> ignore

    let tokens = normal dtype [ shape[0]; shape[2]; shape[3]; shape[4]; shape[1] ]

    let inputs: Inputs = [| tokens.permute (0L, 4L, 1L, 2L, 3L) |]

    let first (x: Inputs) = ChannelsFirst.Apply(nonNull x[0])

    // Nothing is computed: not a bit may differ.
    compareWithin 1e-30 dtype first (fun x -> (nonNull x[0]).contiguous()) inputs shape

    let result = first inputs
    Expect.isTrue (result.is_contiguous ()) "channels first in memory"
    Expect.equal result.dtype torch.float32 "float32"

let tests =
    testList "cuda/layout" [
        for shape in
            [
                [ 1L; 2L; 1L; 1L; 1L ]
                [ 2L; 16L; 5L; 7L; 9L ]
                [ 1L; 118L; 4L; 4L; 33L ]
                [ 2L; 256L; 3L; 3L; 3L ]
                [ 1L; 3L; 16L; 32L; 32L ]
            ] do
            gpuTest $"%A{shape}" (fun () -> check torch.float32 shape)
        gpuTest "bfloat16" (fun () -> check torch.bfloat16 [ 2L; 16L; 5L; 7L; 9L ])
        gpuTest "float16" (fun () -> check torch.float16 [ 2L; 16L; 5L; 7L; 9L ])
    ]
