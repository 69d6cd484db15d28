/// Gradients that are summed while the backward pass runs: the right ones, and truly meanwhile.
module MedSegDsl.Tests.Runtime.Distributed.GradientReducerTests

open Expecto
open TorchSharp
open MedSegDsl
open MedSegDsl.Models
open MedSegDsl.Runtime.Distributed
open MedSegDsl.Tests.Models
open MedSegDsl.Tests.Runtime.Training

let private parameters (network: SegmentationNetwork) = [|
    for struct (name, parameter) in network.named_parameters () -> struct (name, parameter :> torch.Tensor)
|]

/// A forward and a backward pass on fixed noise, all maps but the lowest supervised.
let private pass (network: SegmentationNetwork) (size: Size3) =
    use _ = torch.NewDisposeScope()
    torch.manual_seed 5L |> ignore

    let image =
        torch.randn ([| 2L; int64 network.InChannels; int64 size.D; int64 size.H; int64 size.W |])

    let maps = network.forward image
    let supervised = [| for map in Seq.take (max 1 (maps.Count - 1)) maps -> map |]
    torch.manual_seed 6L |> ignore
    torch.autograd.backward (supervised, [| for map in supervised -> torch.randn_like map |])

let private drop network =
    for struct (_, parameter) in parameters network do
        parameter.grad <- null

let private gradients network =
    use _ = torch.NewDisposeScope()

    [
        for struct (name, parameter) in parameters network do
            match parameter.grad with
            | null -> ()
            | gradient -> name, gradient.cpu().contiguous().data<float32>().ToArray()
    ]

let private doubled =
    List.map (fun (name, numbers) -> name, Array.map ((*) 2f) numbers)

let private reduces (definition: Network) patch () =
    use network = NetworkBuilder.Build(definition, 1, 3, patch, 1L)
    network.train ()
    pass network patch
    let expected = doubled (gradients network)
    let ranks = new Ranks.EqualRanks(2)
    use reducer = new GradientReducer(ranks, parameters network, 4096L)

    for step in 1..3 do
        drop network

        (use _ = reducer.Watch()
         pass network patch)

        reducer.Finish()
        Expect.equal (gradients network) expected $"step {step}: twice the gradient, to the bit"

        if step > 1 then
            Expect.equal
                reducer.BegunInBackward
                (reducer.Buckets - 1)
                "the backward pass began all but the last"

    Expect.isGreaterThan reducer.Buckets 4 "several buckets"

    Expect.equal
        ranks.Begun
        (List.concat (List.replicate 3 (List.take reducer.Buckets ranks.Begun)))
        "the same buckets in the same order in every step"

let private saysWhoIsGone () =
    use network =
        NetworkBuilder.Build(SmallTraining.network, 1, 3, SmallTraining.patch, 1L)

    network.train ()
    let ranks = new Ranks.EqualRanks(2)
    use reducer = new GradientReducer(ranks, parameters network, 4096L)

    let step () =
        (use _ = reducer.Watch()
         pass network SmallTraining.patch)

        reducer.Finish()

    step ()
    ranks.Failure <- Some(RankException("rank 1 of 2 has ended", true))
    Expect.throwsT<RankException> step "in the backward pass, and told after it"

let tests =
    // The seed of libtorch's noise is the whole process's.
    testSequenced
    <| testList "distributed/gradients" [
        for name, definition, patch in
            [
                "a U-shape with Mamba layers", SmallTraining.network, SmallTraining.patch
                let trans = SmallNetworks.shallow UlikeTrans.sra
                "a U-shape with attention", trans, SmallNetworks.patchOf trans
            ] do
            test $"{name}: sums are begun in the backward pass and are those of whole gradients" {
                reduces definition patch ()
            }

        test "a rank that is gone during the backward pass is named after it" { saysWhoIsGone () }
    ]
