module MedSegDsl.Tests.Kernels.ScanTests

open Expecto
open TorchSharp
open MedSegDsl.Kernels
open MedSegDsl.Tests.Kernels.Numbers
open MedSegDsl.Tests.Kernels.Reference

/// A scan to test: its size, the volume of a segment, and which of the optional parts it has.
[<NoComparison; NoEquality>]
type Case = {
    B: int
    S: int
    Volume: int * int * int
    D: int
    N: int
    Order: Order
    /// The fastest decay rate.
    Rate: float
    Skip: bool
    Gate: bool
    Bias: bool
    Softplus: bool
}

let private case = {
    B = 2
    S = 1
    Volume = (2, 3, 4)
    D = 5
    N = 3
    Order = List.head orders
    Rate = 3.0
    Skip = true
    Gate = true
    Bias = true
    Softplus = true
}

let private named name =
    orders |> List.find (fun order -> order.Name = name)

/// Every order; every optional part; channel and state counts around the vectors' widths; long, short and single-token
/// sequences; three segments.
let private cases = [
    for order in orders do
        { case with Order = order }

        {
            case with
                Order = order
                S = 3
                D = 17
                N = 4
                Volume = (3, 2, 5)
        }
    { case with Skip = false }
    { case with Gate = false }
    { case with Bias = false }
    { case with Softplus = false }
    {
        case with
            Skip = false
            Gate = false
            Bias = false
            Softplus = false
    }
    {
        case with
            B = 1
            Volume = (1, 1, 1)
            D = 1
            N = 1
    }
    {
        case with
            B = 3
            S = 3
            Volume = (1, 1, 1)
            D = 8
            N = 16
    }
    {
        case with
            B = 1
            Volume = (7, 11, 13)
            D = 33
            N = 16
            Order = named "front-back"
    }
    {
        case with
            B = 1
            S = 3
            Volume = (5, 7, 9)
            D = 24
            N = 7
            Order = named "up-down reversed"
    }
    {
        case with
            Volume = (1, 1, 257)
            D = 16
            N = 16
    }
    // Some decays are no normal numbers any more.
    { case with Rate = 400.0; D = 17 }
]

let private label case =
    let parts =
        [
            case.Skip, "skip"
            case.Gate, "gate"
            case.Bias, "bias"
            case.Softplus, "softplus"
        ]
        |> List.filter fst
        |> List.map snd

    let d, h, w = case.Volume
    let parts = String.concat "+" parts
    $"{case.Order.Name}, B {case.B}, S {case.S}, volume {d}x{h}x{w}, D {case.D}, N {case.N}, rates to {case.Rate}, {parts}"

let private path case = case.Volume |||> case.Order.Path

/// u, delta, a, b, c, then the optional parts that the case has.
let private inputs case : Tensor list =
    let d, h, w = case.Volume

    let b, s, l, channels, n =
        int64 case.B, int64 case.S, int64 (d * h * w), int64 case.D, int64 case.N

    let make seed low high (shape: int64 list) =
        uniform seed low high (int (List.fold (*) 1L shape)) |> tensor shape

    [
        make 1 -1.0 1.0 [ b; s; l; channels ]
        // Without softplus the time steps themselves must be positive.
        (if case.Softplus then make 2 -3.0 1.0 else make 2 0.05 1.0) [ b; s; l; channels ]
        make 3 -case.Rate -0.2 [ channels; n ]
        make 4 -1.0 1.0 [ b; s; l; n ]
        make 5 -1.0 1.0 [ b; s; l; n ]
        if case.Skip then
            make 6 -1.0 1.0 [ channels ]
        if case.Gate then
            make 7 -2.0 2.0 [ b; l; channels ]
        if case.Bias then
            make 8 0.0 0.5 [ channels ]
    ]

let private withParts case (inputs: Tensor list) =
    let rest = List.skip 5 inputs

    let skip, rest =
        if case.Skip then
            List.tryHead rest, List.tail rest
        else
            None, rest

    let gate, rest =
        if case.Gate then
            List.tryHead rest, List.tail rest
        else
            None, rest

    skip, gate, (if case.Bias then List.tryHead rest else None)

let private orNull (x: Tensor option) : Tensor | null = Option.toObj x

let private run inTensorOperations case (inputs: Tensor list) : Tensor =
    let skip, gate, bias = withParts case inputs
    let skip, gate, bias = orNull skip, orNull gate, orNull bias

    match inputs with
    | u :: delta :: a :: b :: c :: _ when inTensorOperations ->
        SelectiveScan.WithTensorOperations(u, delta, a, b, c, skip, gate, bias, path case, case.Softplus)
    | u :: delta :: a :: b :: c :: _ ->
        SelectiveScan.Apply(u, delta, a, b, c, skip, gate, bias, path case, case.Softplus)
    | _ -> failwith "five tensors at least"

let private apply = run false
let private withTensorOperations = run true

let private reference case (inputs: Tensor list) =
    let d, h, w = case.Volume
    let skip, gate, bias = withParts case inputs
    let flat = inputs |> List.map values

    scan
        {
            B = case.B
            S = case.S
            L = d * h * w
            D = case.D
            N = case.N
        }
        (tokens case.Order d h w)
        case.Softplus
        flat[0]
        flat[1]
        flat[2]
        flat[3]
        flat[4]
        (Option.map values skip)
        (Option.map values gate)
        (Option.map values bias)

let private scoped f =
    use scope = torch.NewDisposeScope()
    f ()

let private forward =
    testList "equals the plain loop" [
        for case in cases ->
            testCase (label case) (fun () ->
                scoped (fun () ->
                    let inputs = inputs case
                    let expected = reference case inputs
                    near 1e-12 expected (values (apply case inputs)) "double"
                    near 2e-6 expected (values (apply case (List.map single inputs))) "single"))
    ]

let private backward =
    testList "gradients" [
        for case in cases ->
            testCase (label case) (fun () ->
                scoped (fun () ->
                    let inputs = inputs case
                    let expected = gradients (withTensorOperations case) inputs
                    let actual = gradients (apply case) (List.map single inputs)
                    List.iteri2 (fun i e a -> near 1e-5 e a $"input {i}") expected actual))
        for case in
            [
                {
                    case with
                        Volume = (1, 2, 3)
                        D = 2
                        N = 2
                }
                {
                    case with
                        B = 1
                        S = 3
                        Volume = (2, 1, 2)
                        D = 2
                        N = 2
                        Order = named "front-back"
                }
            ] ->
            testCase $"finite differences, {label case}" (fun () ->
                scoped (fun () ->
                    let inputs = inputs case
                    let expected = finiteDifferences (apply case) inputs
                    let actual = gradients (apply case) inputs
                    List.iteri2 (fun i e a -> near 1e-7 e a $"input {i}") expected actual))
    ]

let tests = testList "Kernels/Scan" [ forward; backward ]
