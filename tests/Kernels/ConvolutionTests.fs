module MedSegDsl.Tests.Kernels.ConvolutionTests

open Expecto
open TorchSharp
open MedSegDsl.Kernels
open MedSegDsl.Tests.Kernels.Numbers
open MedSegDsl.Tests.Kernels.Reference

/// A depthwise convolution to test.
[<NoComparison; NoEquality>]
type Case = {
    B: int
    Volume: int * int * int
    C: int
    K: int
    Order: Order
    Bias: bool
}

let private case = {
    B = 2
    Volume = (3, 4, 5)
    C = 5
    K = 3
    Order = List.head orders
    Bias = true
}

let private named name =
    orders |> List.find (fun order -> order.Name = name)

/// Every order; kernels smaller and larger than the volume; channel counts around the vectors' widths.
let private cases = [
    for order in orders do
        { case with Order = order }

        {
            case with
                Order = order
                K = 5
                C = 17
                B = 1
        }
    { case with Bias = false }
    { case with K = 1 }
    {
        case with
            K = 7
            C = 8
            B = 1
            Volume = (5, 9, 8)
            Order = named "front-back reversed"
    }
    {
        case with
            K = 7
            C = 33
            B = 1
            Volume = (2, 3, 1)
    }
    {
        case with
            K = 9
            C = 3
            B = 1
            Volume = (4, 4, 4)
    }
    {
        case with
            C = 1
            B = 1
            Volume = (1, 1, 1)
    }
    {
        case with
            C = 70
            B = 3
            Volume = (2, 3, 19)
            Order = named "up-down"
    }
]

let private label case =
    let d, h, w = case.Volume
    let bias = if case.Bias then ", bias" else ""
    $"{case.Order.Name}, B {case.B}, volume {d}x{h}x{w}, C {case.C}, kernel {case.K}{bias}"

let private make seed (shape: int64 list) =
    uniform seed -1.0 1.0 (int (List.fold (*) 1L shape)) |> tensor shape

let private scoped f =
    use scope = torch.NewDisposeScope()
    f ()

/// Forward and gradients of an operator against a plain loop and the tensor operations in double precision.
let private checks operator tensorOperations (reference: Tensor list -> float[]) (inputs: Tensor list) =
    let expected = reference inputs
    near 1e-12 expected (values (operator inputs)) "double"
    near 2e-6 expected (values (operator (List.map single inputs))) "single"
    let expected: float[] list = gradients tensorOperations inputs
    let actual: float[] list = gradients operator (List.map single inputs)
    List.iteri2 (fun i e a -> near 2e-6 e a $"gradient of input {i}") expected actual

let private split (inputs: Tensor list) =
    inputs[0], inputs[1], Option.toObj (List.tryItem 2 inputs)

let private depthwise =
    testList "depthwise 3D" [
        for case in cases ->
            testCase (label case) (fun () ->
                scoped (fun () ->
                    let d, h, w = case.Volume
                    let b, c, k = int64 case.B, int64 case.C, int64 case.K
                    let path = case.Order.Path d h w

                    let run operator inputs : Tensor =
                        let x, weight, bias = split inputs
                        operator (x, weight, bias, path)

                    let reference (inputs: Tensor list) =
                        convolve3d
                            case.Order
                            (case.B, d, h, w, case.C)
                            case.K
                            (values inputs[0])
                            (values inputs[1])
                            (List.tryItem 2 inputs |> Option.map values)

                    checks (run DepthwiseConv3d.Apply) (run DepthwiseConv3d.WithTensorOperations) reference [
                        make 1 [ b; int64 d; int64 h; int64 w; c ]
                        make 2 [ c; 1L; k; k; k ]
                        if case.Bias then
                            make 3 [ c ]
                    ]))
    ]

let private causal =
    testList "causal 1D" [
        for order in orders do
            for volume, channels, k, bias in
                [
                    (2, 3, 4), 5, 4, true
                    (1, 1, 1), 1, 4, true
                    (3, 2, 5), 17, 3, false
                    (1, 1, 2), 33, 4, true
                ] ->
                let d, h, w = volume

                testCase $"{order.Name}, volume {d}x{h}x{w}, C {channels}, kernel {k}" (fun () ->
                    scoped (fun () ->
                        let length = d * h * w
                        let path = order.Path d h w

                        let run operator inputs : Tensor =
                            let x, weight, bias = split inputs
                            operator (x, weight, bias, path)

                        let reference (inputs: Tensor list) =
                            convolveCausal
                                (tokensUnshuffled order d h w)
                                (2, length, channels)
                                k
                                (values inputs[0])
                                (values inputs[1])
                                (List.tryItem 2 inputs |> Option.map values)

                        checks (run CausalConv1d.Apply) (run CausalConv1d.WithTensorOperations) reference [
                            make 1 [ 2L; int64 length; int64 channels ]
                            make 2 [ int64 channels; 1L; int64 k ]
                            if bias then
                                make 3 [ int64 channels ]
                        ]))
    ]

let tests = testList "Kernels/Convolution" [ depthwise; causal ]
