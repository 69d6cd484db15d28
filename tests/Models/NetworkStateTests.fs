/// What training leaves behind in a network, and what state it has.
module MedSegDsl.Tests.Models.NetworkStateTests

open System
open Expecto
open MedSegDsl
open MedSegDsl.Models
open MedSegDsl.Tests.Models.SmallNetworks
open TorchSharp

let private live () =
    DisposeScopeManager.Statistics.ThreadTotalLiveCount

let private step (network: SegmentationNetwork) =
    use _scope = torch.NewDisposeScope()
    let maps = network.call (volume 8 network.Patch)
    let loss = maps |> Seq.map _.mean() |> Seq.reduce (fun a b -> a + b)
    loss.backward ()
    network.zero_grad ()
    maps.Count

let tests =
    testList "models/networks/state" [
        for network in
            [
                UlikeMamba.multiTri
                UlikeTrans.sraMsv1
                UlikeMamba.oneD
                Unetr.unetr
                Unetr.swinUnetrV2 |> withMixer (NetworkTests.swin 1)
                Unetr.uxNet
                SegFormer.threeD
                CoTr.published
                MedNeXt.basic 3
                Unetr.segMamba
                NnFormer.nnFormer
            ] do
            test $"{network.Name}: steps leave no tensor behind" {
                use built = build (shallow network)

                let steps = [
                    for _ in 1..4 ->
                        step built |> ignore
                        live ()
                ]

                Expect.equal steps[1..] [ steps[0]; steps[0]; steps[0] ] "live tensors after each step"
            }

        test "calls hand over their maps and nothing else" {
            use built = build (shallow UlikeMamba.tri)
            let input = volume 9 patch
            let before = live ()
            let maps = built.call input
            Expect.equal (live () - before) (int64 maps.Count) "maps alone are new"
            maps |> Seq.iter _.Dispose()
        }

        test "a disposed network leaves no tensor behind" {
            let before = live ()
            (build (shallow UlikeMamba.multiTri)).Dispose()
            Expect.equal (live ()) before "live tensors"
        }

        test "in float64 the same network gives the same maps, closer" {
            use _scope = torch.NewDisposeScope()
            use _noGrad = torch.no_grad ()
            use built = build (shallow UlikeMamba.multiTri)
            let input = volume 10 patch
            let single = built.Predict input
            built.``to`` torch.ScalarType.Float64 |> ignore
            let double = built.Predict input
            Expect.equal double.dtype torch.ScalarType.Float64 "the parameters' type"
            Expect.isLessThan (difference double single) 1e-3 "the same map"
        }

        for network in [ UlikeMamba.multiTri; SegFormer.threeD; CoTr.published; MedNeXt.basic 3 ] do
            test $"{network.Name}: computing in bf16 leaves parameters and maps in float32" {
                use _scope = torch.NewDisposeScope()
                use built = build (shallow network)
                let input = volume 11 patch

                // A step in training first, in which batch norm takes statistics of bf16 volumes.
                built.ComputeType <- Nullable torch.ScalarType.BFloat16
                (built.Predict input).mean().backward()

                for entry in parameters built do
                    match entry.Value.grad with
                    | null -> ()
                    | gradient ->
                        Expect.equal
                            gradient.dtype
                            torch.ScalarType.Float32
                            $"{entry.Key}: its gradient's type"

                built.eval ()
                let half = built.Predict input
                Expect.equal half.dtype torch.ScalarType.Float32 "the map's type"
                built.ComputeType <- Nullable()
                let single = built.Predict input
                Expect.isLessThan (difference single half) 0.1 "close"
                Expect.isGreaterThan (difference single half) 0.0 "but not the same: it did compute in bf16"
            }
    ]
