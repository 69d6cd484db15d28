/// The operators at the shapes of real networks, each beside the same in tensor operations or libtorch's convolution.
module MedSegDsl.Bench.Kernels.Cases

open TorchSharp
open MedSegDsl.Kernels

type Tensor = torch.Tensor

/// One way to compute an operator's result from its inputs, which are made before the clock starts.
[<NoComparison; NoEquality>]
type Variant = {
    Name: string
    Inputs: Tensor list
    Compute: Tensor list -> Tensor
}

/// An operator at one shape: the kernel, and what it is compared with.
[<NoComparison; NoEquality>]
type Case = {
    Operator: string
    Shape: string
    Kernel: Variant
    Others: Variant list
}

let private random (shape: int list) : Tensor =
    torch.randn (shape |> List.map int64 |> Array.ofList)

/// The scan with skip, gate, bias and softplus, as the networks use it.
let private scan batch channels length =
    let states = 16

    let inputs () = [
        random [ batch; 1; length; channels ]
        random([ batch; 1; length; channels ]).sub(Scalar.op_Implicit 3.0)
        -(torch.rand(int64 channels, int64 states).mul(Scalar.op_Implicit 8.0).add(Scalar.op_Implicit 0.2))
        random [ batch; 1; length; states ]
        random [ batch; 1; length; states ]
        random [ channels ]
        random [ batch; length; channels ]
        random [ channels ]
    ]

    let path = ScanPath.Forward(1, 1, length)
    let inputs = inputs ()

    {
        Operator = "selective scan"
        Shape = $"B {batch}, D {channels}, L {length}, N {states}"
        Kernel = {
            Name = "kernel"
            Inputs = inputs
            Compute = fun i -> SelectiveScan.Apply(i[0], i[1], i[2], i[3], i[4], i[5], i[6], i[7], path)
        }
        Others = [
            {
                Name = "tensor operations"
                Inputs = inputs
                Compute =
                    fun i ->
                        SelectiveScan.WithTensorOperations(
                            i[0],
                            i[1],
                            i[2],
                            i[3],
                            i[4],
                            i[5],
                            i[6],
                            i[7],
                            path
                        )
            }
        ]
    }

/// The depthwise convolution; libtorch's once on its usual layout, once on this one's (channels last).
let private depthwise batch channels (d, h, w) kernel =
    let x = random [ batch; d; h; w; channels ]
    let weight = random [ channels; 1; kernel; kernel; kernel ]
    let bias = random [ channels ]
    let path = ScanPath.Forward(d, h, w)
    let padding = Array.create 3 (int64 (kernel / 2))

    {
        Operator = $"depthwise convolution {kernel}³"
        Shape = $"B {batch}, C {channels}, {d}×{h}×{w}"
        Kernel = {
            Name = "kernel"
            Inputs = [ x; weight; bias ]
            Compute = fun i -> DepthwiseConv3d.Apply(i[0], i[1], i[2], path)
        }
        Others = [
            {
                Name = "libtorch, channels first"
                Inputs = [ x.permute(0L, 4L, 1L, 2L, 3L).contiguous(); weight; bias ]
                Compute =
                    fun i ->
                        torch.nn.functional.conv3d (
                            i[0],
                            i[1],
                            i[2],
                            strides = [| 1L; 1L; 1L |],
                            padding = padding,
                            groups = int64 channels
                        )
            }
            {
                Name = "libtorch, channels last"
                Inputs = [ x; weight; bias ]
                Compute = fun i -> DepthwiseConv3d.WithTensorOperations(i[0], i[1], i[2], path)
            }
        ]
    }

let private causal batch channels length =
    let path = ScanPath.Forward(1, 1, length)

    let inputs = [
        random [ batch; length; channels ]
        random [ channels; 1; 4 ]
        random [ channels ]
    ]

    {
        Operator = "causal convolution"
        Shape = $"B {batch}, C {channels}, L {length}, k 4"
        Kernel = {
            Name = "kernel"
            Inputs = inputs
            Compute = fun i -> CausalConv1d.Apply(i[0], i[1], i[2], path)
        }
        Others = [
            {
                Name = "libtorch"
                Inputs = inputs
                Compute = fun i -> CausalConv1d.WithTensorOperations(i[0], i[1], i[2], path)
            }
        ]
    }

/// All cases, each made when its turn comes: together they would not fit a small machine's memory. The scans are those of
/// UlikeMamba_3dMT's stages on a patch of 64 × 160 × 160, and the goal's own shape first.
let all: (unit -> Case) list = [
    fun () -> scan 1 96 32768
    fun () -> scan 2 96 51200
    fun () -> scan 2 256 19200
    fun () -> scan 2 512 2400
    fun () -> depthwise 1 96 (32, 32, 32) 3
    fun () -> depthwise 1 96 (32, 32, 32) 5
    fun () -> depthwise 1 96 (32, 32, 32) 7
    fun () -> depthwise 2 96 (32, 40, 40) 7
    fun () -> depthwise 2 256 (16, 20, 20) 3
    fun () -> depthwise 2 512 (8, 10, 10) 7
    fun () -> causal 2 96 51200
]
