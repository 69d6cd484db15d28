/// Networks small enough to be built and run in a moment, and what tests ask of them.
module MedSegDsl.Tests.Models.SmallNetworks

open System
open MedSegDsl
open MedSegDsl.Models
open TorchSharp

type Tensor = torch.Tensor

/// An eighth of a network's channels, which every preset's heads still divide.
let slim network =
    network |> mapChannels (fun channels -> channels / 8)

/// One layer in each stage.
let shallow network = network |> slim |> withDepth 1

/// Large enough for every preset's reductions, and not a multiple of the total stride.
let patch = Size3.create 24 44 48

/// The patch, made to fit networks that round patches up.
let patchOf network = Network.fitPatch patch network

let build network =
    NetworkBuilder.Build(network, 2, 3, patchOf network, 1L)

/// Numbers of a normal distribution, the same for the same seed.
let random (seed: int) (shape: int list) : Tensor =
    let generator = Random seed

    let number _ =
        let u = 1.0 - generator.NextDouble()
        sqrt (-2.0 * log u) * cos (2.0 * Math.PI * generator.NextDouble())

    let flat: Tensor =
        torch.tensor (Array.init (List.fold (*) 1 shape) (number >> float32))

    flat.reshape [| for n in shape -> int64 n |]

let volume seed (size: Size3) =
    random seed [ 1; 2; size.D; size.H; size.W ]

let values (tensor: Tensor) : float[] =
    use flat =
        tensor.detach().cpu().``to``(torch.ScalarType.Float64).flatten().contiguous()

    flat.data<float>().ToArray()

let shape (tensor: Tensor) = [ for n in tensor.shape -> int n ]

/// The largest difference, relative to the largest expected magnitude.
let difference (expected: Tensor) (actual: Tensor) =
    if shape expected <> shape actual then
        infinity
    else
        let expected, actual = values expected, values actual
        let scale = expected |> Array.fold (fun m x -> max m (abs x)) 1e-30
        (Array.map2 (fun e a -> abs (e - a)) expected actual |> Array.max) / scale

/// The parameters by name.
let parameters (network: torch.nn.Module) : Map<string, Tensor> =
    Map [ for struct (name, p) in network.named_parameters () -> name, p :> Tensor ]
