/// What the tests on a GPU share: they are pending, with the reason in their names, where there is none.
module MedSegDsl.Tests.Kernels.CudaTensors

open System
open Expecto
open TorchSharp
open MedSegDsl.Kernels
open MedSegDsl.Tests.Kernels.Numbers

/// Whether this process has CUDA's libtorch and a GPU.
let private hasGpu =
    lazy
        (let libtorch = NativeLibtorch.Load()
         libtorch.HasCuda && torch.cuda_is_available ())

/// A test that needs a GPU.
let gpuTest name (run: unit -> unit) =
    if hasGpu.Value then
        testCase name run
    else
        ptestCase (name + " (there is no GPU)") ignore

/// The GPU, with float32 products in full: TF32 keeps 10 bits of a factor, and the bounds are closer than that.
let gpu =
    lazy
        (torch.backends.cuda.matmul.allow_tf32 <- false
         torch.backends.cudnn.allow_tf32 <- false
         torch.device "cuda:0")

/// Normally distributed numbers on the GPU.
let normal (dtype: torch.ScalarType) (shape: int64 list) : Tensor =
    torch.randn(Array.ofList shape, device = gpu.Value).``to`` dtype

/// A slice of a wider tensor, so that rows are strided.
let strided (dtype: torch.ScalarType) (shape: int64 list) : Tensor =
    let width = List.last shape
    let wide = normal dtype (List.take (shape.Length - 1) shape @ [ width + 3L ])
    wide.narrow (-1L, 1L, width)

/// ‖actual − expected‖ / ‖expected‖ in double precision; infinite where anything is not a number.
let relativeError (expected: Tensor) (actual: Tensor) =
    use scope = torch.NewDisposeScope()
    let expected = expected.``to`` torch.float64
    let difference = (actual.``to`` torch.float64 - expected).norm().item<float>()
    let error = difference / max 1e-30 (expected.norm().item<float>())

    if Double.IsFinite error then
        error
    else
        Double.PositiveInfinity

/// The bound that a type's results must keep.
let tolerance (dtype: torch.ScalarType) =
    if dtype = torch.float32 then 1e-5 else 1e-2

/// An operator's tensors; an optional one that is not there is null.
type Inputs = (Tensor | null)[]

/// Each tensor that is there, changed.
let mapInputs (f: Tensor -> Tensor) (inputs: Inputs) : Inputs =
    inputs
    |> Array.map (function
        | null -> null
        | x -> f x)

/// A function's result and the gradients of ⟨result, weights⟩ in its inputs.
let resultAndGradients (f: Inputs -> Tensor) (weights: Tensor) (inputs: Inputs) : (string * Tensor) list =
    let leaves = inputs |> mapInputs (fun x -> x.detach().requires_grad_ true)

    let y = f leaves
    (y * weights.``to`` y.dtype).sum().backward()

    ("result", y.detach ())
    :: [
        for i, leaf in Array.indexed leaves do
            match leaf with
            | null -> ()
            | leaf -> $"gradient {i}", nonNull leaf.grad
    ]

/// Compares the operator with its definition in double precision, on the same values, and with itself once more, bit by bit.
let compareWithin
    bound
    dtype
    (operator: Inputs -> Tensor)
    (definition: Inputs -> Tensor)
    (inputs: Inputs)
    (shape: int64 list)
    =
    let weights = normal dtype shape
    let actual = resultAndGradients operator weights inputs
    let again = resultAndGradients operator weights inputs

    let doubles = inputs |> mapInputs (fun x -> x.``to`` torch.float64)
    let expected = resultAndGradients definition (weights.``to`` torch.float64) doubles

    for (what, e), (_, a), (_, b) in List.zip3 expected actual again do
        Expect.isLessThan (relativeError e a) bound what
        Expect.isTrue (a.eq(b).all().item<bool>()) $"{what}: the same bits twice"

/// The same within the type's bound.
let compare dtype = compareWithin (tolerance dtype) dtype
