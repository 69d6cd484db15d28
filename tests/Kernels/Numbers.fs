/// Random tensors, comparisons and gradients for the kernels' tests.
module MedSegDsl.Tests.Kernels.Numbers

open System
open Expecto
open TorchSharp

type Tensor = torch.Tensor

/// Random numbers in [low, high], the same for the same seed.
let uniform (seed: int) low high count =
    let random = Random seed
    Array.init count (fun _ -> low + (high - low) * random.NextDouble())

/// A double tensor of a shape.
let tensor (shape: int64 list) (values: float[]) : Tensor =
    torch.tensor(values, dtype = torch.float64).reshape(Array.ofList shape)

let single (x: Tensor) : Tensor = x.``to`` torch.float32

let values (x: Tensor) : float[] =
    use flat = x.detach().``to``(torch.float64).contiguous()
    flat.data<float>().ToArray()

/// The largest difference, relative to the larger of 1 and the largest expected magnitude.
let difference (expected: float[]) (actual: float[]) =
    Expect.equal actual.Length expected.Length "as many numbers"
    let scale = expected |> Array.fold (fun m v -> max m (abs v)) 1.0

    let worst =
        Array.fold2
            (fun m e a ->
                if Double.IsFinite a then
                    max m (abs (e - a))
                else
                    Double.PositiveInfinity)
            0.0
            expected
            actual

    worst / scale

let near tolerance expected actual what =
    Expect.isLessThan (difference expected actual) tolerance what

/// The gradients of ⟨f(inputs), weights⟩, with fixed random weights, in each input.
let gradients (f: Tensor list -> Tensor) (inputs: Tensor list) : float[] list =
    use scope = torch.NewDisposeScope()
    let leaves = inputs |> List.map (fun x -> x.detach().clone().requires_grad_ true)
    let y = f leaves
    let weights = tensor (List.ofArray y.shape) (uniform 99 -1.0 1.0 (int (y.numel ())))
    (y * weights.``to`` y.dtype).sum().backward()
    leaves |> List.map (fun x -> values (nonNull x.grad))

/// The same by central differences: f must be smooth, the inputs few and double.
let finiteDifferences (f: Tensor list -> Tensor) (inputs: Tensor list) : float[] list =
    use scope = torch.NewDisposeScope()
    use noGrad = torch.no_grad ()
    let step = 1e-5

    let loss (inputs: Tensor list) =
        use scope = torch.NewDisposeScope()
        let y = f inputs
        let weights = tensor (List.ofArray y.shape) (uniform 99 -1.0 1.0 (int (y.numel ())))
        (y * weights).sum().item<float>()

    inputs
    |> List.mapi (fun index x ->
        let flat = values x
        let shape = List.ofArray x.shape

        let shifted i by =
            let copy = Array.copy flat
            copy[i] <- copy[i] + by

            inputs
            |> List.mapi (fun k other -> if k = index then tensor shape copy else other)

        flat
        |> Array.mapi (fun i _ -> (loss (shifted i step) - loss (shifted i -step)) / (2.0 * step)))
