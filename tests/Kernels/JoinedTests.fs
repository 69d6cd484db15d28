module MedSegDsl.Tests.Kernels.JoinedTests

open Expecto
open TorchSharp
open MedSegDsl.Kernels
open MedSegDsl.Tests.Kernels.Numbers
open MedSegDsl.Tests.Kernels.CudaTensors

/// Tensors of many sizes, one of them permuted.
let private tensors (device: torch.Device) : Tensor list =
    torch.manual_seed 5L |> ignore

    let random (shape: int64 list) =
        torch.randn(Array.ofList shape).``to`` device

    [
        for i in 0L .. 440L do
            random [ 1L + i * i % 7L; 3L ]

        random [ 100L; 301L ]
        random [ 1L ]
        (random [ 5L; 70L ]).t()
    ]

let private check device =
    use scope = torch.NewDisposeScope()
    let tensors = tensors device
    let flat = tensors |> List.collect (values >> List.ofArray) |> Array.ofList
    let vector = JoinedTensors.Join(Array.ofList tensors)
    Expect.equal (values vector) flat "joined, end to end"

    let parts = JoinedTensors.Split(vector, Array.ofList tensors) |> List.ofSeq

    for part, tensor in List.zip parts tensors do
        Expect.equal (values part) (values tensor) "a part is its tensor"

    let sums = tensors |> List.map _.clone()
    let contiguous = sums[.. sums.Length - 2] |> Array.ofList
    JoinedTensors.Add((JoinedTensors.Join contiguous).clone(), contiguous)

    for sum, tensor in Array.zip contiguous (Array.ofList tensors[.. tensors.Length - 2]) do
        Expect.equal (values sum) (values tensor |> Array.map (fun x -> float (float32 (2.0 * x)))) "added"

let tests =
    testList "cuda/joined" [
        testCase "on the CPU" (fun () -> check torch.CPU)
        gpuTest "on a GPU" (fun () -> check gpu.Value)
    ]
