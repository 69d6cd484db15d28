module MedSegDsl.Tests.Kernels.CudaConvolutionTests

open System
open Expecto
open TorchSharp
open MedSegDsl.Kernels
open MedSegDsl.Tests.Kernels.Numbers
open MedSegDsl.Tests.Kernels.Reference
open MedSegDsl.Tests.Kernels.CudaTensors

/// Double precision on the CPU: libtorch's own depthwise convolution there is plain and exact.
let private onCpu (f: Inputs -> Tensor) (inputs: Inputs) =
    (inputs |> mapInputs (fun x -> x.cpu ()) |> f).``to`` gpu.Value

let private bias wanted channels : Tensor | null =
    if wanted then
        normal torch.ScalarType.Float32 [ channels ]
    else
        null

let private checkDepthwise dtype (order: Order) kernel (batch, (d, h, w), channels) hasBias =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 11L |> ignore
    let path = order.Path d h w
    let shape = [ batch; int64 d; int64 h; int64 w; channels ]

    let inputs: Inputs = [|
        strided dtype shape
        normal dtype [ channels; 1L; kernel; kernel; kernel ]
        bias hasBias channels
    |]

    let apply (convolve: Tensor * Tensor * (Tensor | null) * ScanPath -> Tensor) (x: Inputs) =
        convolve (nonNull x[0], nonNull x[1], x[2], path)

    compare
        dtype
        (apply DepthwiseConv3d.Apply)
        (onCpu (apply DepthwiseConv3d.WithTensorOperations))
        inputs
        shape

let private checkCausal dtype (order: Order) kernel (batch, (d, h, w), channels) hasBias =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 13L |> ignore
    let path = order.Path d h w
    let shape = [ batch; int64 (d * h * w); channels ]

    let inputs: Inputs = [|
        strided dtype shape
        normal dtype [ channels; 1L; kernel ]
        bias hasBias channels
    |]

    let apply (convolve: Tensor * Tensor * (Tensor | null) * ScanPath -> Tensor) (x: Inputs) =
        convolve (nonNull x[0], nonNull x[1], x[2], path)

    compare dtype (apply CausalConv1d.Apply) (onCpu (apply CausalConv1d.WithTensorOperations)) inputs shape

let private randomSizes seed =
    let r = Random(seed: int)
    let oneOf (list: _ list) = list[r.Next list.Length]
    let size () = oneOf [ 1; 2; 3; 5; 8; 10; 13 ]

    oneOf orders,
    (int64 (r.Next(1, 3)), (size (), size (), size ()), int64 (r.Next(1, 70))),
    oneOf [ true; false ]

/// More than 2^31 elements: the last planes against a convolution of the volume's end alone.
let private huge () =
    use scope = torch.NewDisposeScope()
    use noGrad = torch.no_grad ()
    let dtype = torch.ScalarType.BFloat16
    let d, side, channels = 33, 1024, 64L
    let x = normal dtype [ 1L; int64 d; int64 side; int64 side; channels ]
    let weight = normal torch.ScalarType.Float32 [ channels; 1L; 3L; 3L; 3L ]

    let convolve (x: Tensor) =
        DepthwiseConv3d.Apply(x, weight, null, ScanPath.Forward(int x.shape[1], side, side))

    let last count (x: Tensor) =
        x.narrow (1L, x.shape[1] - count, count)

    let whole = convolve x |> last 2L
    let ending = convolve (last 3L x) |> last 2L
    Expect.isTrue (whole.eq(ending).all().item<bool>()) "the last planes"

let tests =
    testList "cuda/convolution" [
        for kernel in [ 1L; 3L; 5L; 7L; 9L ] do
            for seed in 1..3 do
                gpuTest $"depthwise {kernel}, random sizes {seed}" (fun () ->
                    let order, sizes, bias = randomSizes (seed + 10 * int kernel)
                    checkDepthwise torch.ScalarType.Float32 order kernel sizes bias)
        for order in orders do
            gpuTest $"depthwise {order.Name}" (fun () ->
                checkDepthwise torch.ScalarType.Float32 order 3L (2L, (4, 5, 10), 33L) true)
        for kernel in [ 3L; 7L ] do
            gpuTest $"depthwise {kernel}, a stage's size" (fun () ->
                checkDepthwise torch.ScalarType.Float32 orders[0] kernel (1L, (8, 20, 40), 96L) true)
        for dtype in [ torch.ScalarType.BFloat16; torch.ScalarType.Float16 ] do
            for kernel in [ 3L; 5L; 7L ] do
                gpuTest $"depthwise {kernel} {dtype}" (fun () ->
                    checkDepthwise dtype orders[1] kernel (1L, (4, 8, 10), 40L) true)
        for kernel in [ 1L; 2L; 4L; 7L ] do
            for order in orders do
                gpuTest $"causal {kernel} {order.Name}" (fun () ->
                    checkCausal torch.ScalarType.Float32 order kernel (2L, (3, 5, 7), 37L) (kernel <> 2L))
        gpuTest "depthwise, more than 2^31 elements" huge
        gpuTest "causal, one token" (fun () ->
            checkCausal torch.ScalarType.Float32 orders[0] 4L (1L, (1, 1, 1), 5L) true)
        for dtype in [ torch.ScalarType.BFloat16; torch.ScalarType.Float16 ] do
            gpuTest $"causal {dtype}" (fun () -> checkCausal dtype orders[3] 4L (2L, (4, 8, 10), 96L) true)
    ]
