module MedSegDsl.Tests.Kernels.CudaScanTests

open System
open Expecto
open TorchSharp
open MedSegDsl.Kernels
open MedSegDsl.Tests.Kernels.Numbers
open MedSegDsl.Tests.Kernels.Reference
open MedSegDsl.Tests.Kernels.CudaTensors

/// A scan's sizes, order, type and optional parts.
[<NoComparison; NoEquality>]
type private Case = {
    B: int64
    S: int64
    Volume: int * int * int
    D: int64
    N: int64
    Order: Order
    Type: torch.ScalarType
    Skip: bool
    Gate: bool
    Bias: bool
    Softplus: bool
}

let private case = {
    B = 2L
    S = 1L
    Volume = 3, 5, 7
    D = 40L
    N = 16L
    Order = List.head orders
    Type = torch.ScalarType.Float32
    Skip = true
    Gate = true
    Bias = true
    Softplus = true
}

/// Any sizes, from the seed.
let private random seed =
    let r = Random(seed: int)
    let oneOf (list: _ list) = list[r.Next list.Length]

    {
        B = oneOf [ 1L; 2L; 3L ]
        S = oneOf [ 1L; 3L ]
        Volume = oneOf [ 1; 2; 3 ], oneOf [ 2; 5 ], oneOf [ 1; 6; 11 ]
        D = int64 (r.Next(1, 140))
        N = oneOf [ 1L; 2L; 3L; 4L; 5L; 7L; 8L; 12L; 16L; 24L; 33L; 64L ]
        Order = oneOf orders
        Type = torch.ScalarType.Float32
        Skip = oneOf [ true; false ]
        Gate = oneOf [ true; false ]
        Bias = oneOf [ true; false ]
        Softplus = oneOf [ true; true; false ]
    }

let private check case =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 7L |> ignore
    let d, h, w = case.Volume
    let length = int64 (d * h * w)
    let optional wanted (tensor: unit -> Tensor) : Tensor | null = if wanted then tensor () else null

    let rows channels =
        strided case.Type [ case.B; case.S; length; channels ]

    let delta =
        if case.Softplus then
            rows case.D - 1.0
        else
            (rows case.D).abs() * 0.3

    let inputs: Inputs = [|
        rows case.D
        delta
        -(normal torch.ScalarType.Float32 [ case.D; case.N ]).exp()
        rows case.N
        rows case.N
        optional case.Skip (fun () -> normal torch.ScalarType.Float32 [ case.D ])
        optional case.Gate (fun () -> strided case.Type [ case.B; length; case.D ])
        optional (case.Bias && case.Softplus) (fun () -> normal torch.ScalarType.Float32 [ case.D ])
    |]

    let path = case.Order.Path d h w

    let required i (x: Inputs) = nonNull x[i]

    let kernels x =
        SelectiveScan.Apply(
            required 0 x,
            required 1 x,
            required 2 x,
            required 3 x,
            required 4 x,
            x[5],
            x[6],
            x[7],
            path,
            case.Softplus
        )

    let definition x =
        SelectiveScan.WithTensorOperations(
            required 0 x,
            required 1 x,
            required 2 x,
            required 3 x,
            required 4 x,
            x[5],
            x[6],
            x[7],
            path,
            case.Softplus
        )

    compare case.Type kernels definition inputs [ case.B; case.S; length; case.D ]

/// More than 2^31 elements: the last tokens against a scan of the sequence's end alone, which is all that they remember.
let private huge () =
    use scope = torch.NewDisposeScope()
    let channels, states, length, tail = 64L, 1L, (1L <<< 25) + 77L, 512L
    let u = normal torch.ScalarType.BFloat16 [ 1L; 1L; length; channels ]
    let delta = normal torch.ScalarType.BFloat16 [ 1L; 1L; length; channels ]
    let b = normal torch.ScalarType.BFloat16 [ 1L; 1L; length; states ]
    let c = normal torch.ScalarType.BFloat16 [ 1L; 1L; length; states ]
    let a = -4.0 * torch.ones ([| channels; states |], device = gpu.Value)
    let bias = 3.0 * torch.ones ([| channels |], device = gpu.Value)

    let run (length: int64) (inputs: Tensor list) =
        let leaves = inputs |> List.map (fun x -> x.detach().requires_grad_ true)
        let path = ScanPath.Forward(1, 1, int length)

        let y =
            SelectiveScan.Apply(leaves[0], leaves[1], a, leaves[2], leaves[3], null, null, bias, path)

        y.backward [| torch.ones_like y |]
        y.detach () :: (leaves |> List.map (fun leaf -> nonNull leaf.grad))

    let last count (x: Tensor) =
        x.narrow (2L, x.shape[2] - count, count)

    let whole = run length [ u; delta; b; c ]

    let ending =
        run (2L * tail) ([ u; delta; b; c ] |> List.map (fun x -> (last (2L * tail) x).clone()))

    for e, a in List.zip ending whole do
        Expect.isLessThan (relativeError (last tail e) (last tail a)) 1e-2 "the last tokens"

let tests =
    testList "cuda/scan" [
        for seed in 1..24 do
            gpuTest $"random sizes {seed}" (fun () -> check (random seed))
        for order in orders do
            gpuTest order.Name (fun () -> check { case with Order = order; S = 3L })
        gpuTest "one token" (fun () -> check { case with Volume = (1, 1, 1) })
        gpuTest "one channel, one state" (fun () -> check { case with D = 1L; N = 1L })
        gpuTest "a chunk's length" (fun () -> check { case with Volume = (1, 4, 8) })
        gpuTest "a long sequence" (fun () ->
            check {
                case with
                    Volume = (16, 40, 40)
                    B = 1L
                    D = 96L
            })
        gpuTest "many channels" (fun () -> check { case with D = 515L; S = 3L })
        gpuTest "256 states" (fun () -> check { case with N = 256L; D = 9L })
        for dtype in [ torch.ScalarType.BFloat16; torch.ScalarType.Float16 ] do
            gpuTest $"{dtype}" (fun () -> check { case with Type = dtype; S = 3L })

            gpuTest $"{dtype}, long" (fun () ->
                check {
                    case with
                        Type = dtype
                        Volume = (8, 20, 20)
                        D = 96L
                })
        gpuTest "more than 2^31 elements" huge
    ]
