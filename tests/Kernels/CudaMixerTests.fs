module MedSegDsl.Tests.Kernels.CudaMixerTests

open System
open Expecto
open TorchSharp
open MedSegDsl.Kernels
open MedSegDsl.Tests.Kernels.Numbers
open MedSegDsl.Tests.Kernels.Reference
open MedSegDsl.Tests.Kernels.CudaTensors

/// A mixer's sizes.
[<NoComparison; NoEquality>]
type private Case = {
    B: int64
    Volume: int * int * int
    C: int64
    N: int64
    R: int64
    Kernels: int64 list
    Orders: Order list
    Scale: float
}

let private tri = [ orders[0]; orders[2]; orders[4] ]

let private case = {
    B = 2L
    Volume = 4, 5, 6
    C = 40L
    N = 16L
    R = 3L
    Kernels = [ 3L; 5L; 7L ]
    Orders = tri
    Scale = 1.0 / 3.0
}

/// Any sizes, from the seed.
let private random seed =
    let r = Random(seed: int)
    let oneOf (list: _ list) = list[r.Next list.Length]

    {
        B = oneOf [ 1L; 2L; 3L ]
        Volume = oneOf [ 1; 2; 5 ], oneOf [ 2; 7 ], oneOf [ 1; 6; 10 ]
        C = int64 (r.Next(1, 140))
        N = oneOf [ 1L; 4L; 5L; 16L; 24L ]
        R = oneOf [ 1L; 2L; 6L ]
        Kernels = oneOf [ [ 3L ]; [ 3L; 5L; 7L ]; [ 1L; 5L ]; [ 7L ] ]
        Orders = oneOf [ [ orders[0] ]; [ orders[1] ]; [ orders[0]; orders[6] ]; tri; orders ]
        Scale = oneOf [ 1.0; 0.5 ]
    }

/// The inputs as the operator takes them: x and z, the state-space model, then kernels and biases of each order.
let private take case (x: Inputs) =
    let given = x |> Array.map nonNull
    let scales = case.Kernels.Length
    let d, h, w = case.Volume

    let ordersOf =
        case.Orders
        |> List.mapi (fun i order ->
            let at = 6 + 2 * scales * i

            MixerOrder(
                order.Path d h w,
                given[at .. at + scales - 1],
                given[at + scales .. at + 2 * scales - 1]
            ))

    given[0], ordersOf, MixerStateSpace(given[1], given[2], given[3], given[4], given[5])

let private kernels case x =
    let projected, orders, space = take case x
    let orders = ResizeArray orders
    Expect.isTrue (MixerScan.Takes(projected, orders, space)) "the operator takes it"
    MixerScan.Apply(projected, orders, space, case.Scale)

/// The same from single operators, in tensor operations on the CPU.
let private definition case (inputs: Inputs) =
    let projected, orders, space = inputs |> mapInputs (fun x -> x.cpu ()) |> take case

    let x = projected.narrow (-1L, 0L, case.C)
    let z = projected.narrow(-1L, case.C, case.C).flatten(1L, 3L)
    let states, rank = case.N, case.R

    let scanned =
        orders
        |> List.map (fun order ->
            let scales =
                Seq.map2
                    (fun weight bias ->
                        DepthwiseConv3d.WithTensorOperations(x, weight, bias, order.Path).flatten(1L, 3L))
                    order.Weights
                    order.Biases

            let u = torch.nn.functional.silu (torch.stack (scales, 1L))
            let perToken = torch.nn.functional.linear (u, space.Projection)

            let delta =
                torch.nn.functional.linear (perToken.narrow (-1L, 0L, rank), space.TimeStep)

            SelectiveScan.WithTensorOperations(
                u,
                delta,
                space.A,
                perToken.narrow (-1L, rank, states),
                perToken.narrow (-1L, rank + states, states),
                space.Skip,
                z,
                space.TimeStepBias,
                order.Path
            ))
        |> List.reduce (fun a b -> a + b)

    let shape = projected.shape
    let joined = scanned.transpose(1L, 2L).flatten(2L, 3L) * case.Scale
    joined.reshape([| shape[0]; shape[1]; shape[2]; shape[3]; -1L |]).``to`` gpu.Value

let private check dtype bound case =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 17L |> ignore
    let d, h, w = case.Volume
    let single shape = normal torch.float32 shape

    let inputs: Inputs = [|
        normal dtype [ case.B; int64 d; int64 h; int64 w; 2L * case.C ]
        single [ case.R + 2L * case.N; case.C ] / sqrt (float case.C)
        single [ case.C; case.R ] / sqrt (float case.R)
        single [ case.C ] - 1.0
        -(single [ case.C; case.N ]).exp()
        single [ case.C ]
        for _ in case.Orders do
            for kernel in case.Kernels do
                single [ case.C; 1L; kernel; kernel; kernel ]
                / sqrt (float (kernel * kernel * kernel))

            for _ in case.Kernels do
                single [ case.C ]
    |]

    let scales = int64 case.Kernels.Length
    let result = [ case.B; int64 d; int64 h; int64 w; scales * case.C ]
    compareWithin bound dtype (kernels case) (definition case) inputs result

let tests =
    testList "cuda/mixer" [
        for seed in 1..12 do
            gpuTest $"random sizes {seed}" (fun () -> check torch.float32 5e-5 (random seed))
        gpuTest "a stage's size" (fun () ->
            check torch.float32 5e-5 {
                case with
                    Volume = 8, 20, 20
                    C = 96L
                    B = 1L
            })
        // Every tensor between the operator's steps is rounded to 8 or 11 bits.
        gpuTest "bfloat16" (fun () -> check torch.bfloat16 3e-2 case)
        gpuTest "float16" (fun () -> check torch.float16 1e-2 case)
    ]
