/// Laws of the Mamba mixer's scans.
module MedSegDsl.Tests.Models.MixerTests

open Expecto
open MedSegDsl
open MedSegDsl.Models
open MedSegDsl.Tests.Models.SmallNetworks
open TorchSharp

let private channels = 6

let private mixer = {
    Convolution = DepthwiseConv.Volume3d 3
    Scan = Scan.single
    ScanFusion = Fusion.Mean
    Ssm = SsmParameters.Shared
    StateSize = 4
    Expansion = 2
}

/// A mixer whose weights are large enough for the state to matter: at their usual start the order hardly does.
let private create mixer =
    let built = new ScanMixer(channels, mixer, ScanStart.StateSpaces)
    use _noGrad = torch.no_grad ()

    for index, entry in Seq.indexed (parameters built) do
        entry.Value.copy_ ((random index (shape entry.Value)).mul(torch.tensor 0.5f))
        |> ignore

    built

/// (B, D, H, W, C), all sizes different.
let private tokens () = random 20 [ 2; 3; 4; 5; channels ]

let private copyInto (target: torch.nn.Module) (values: Map<string, Tensor>) =
    use _noGrad = torch.no_grad ()

    for entry in parameters target do
        entry.Value.copy_ values[entry.Key] |> ignore

/// Each order with the axes of tokens that make it a forward scan, and whether those are then flipped.
let private orders = [
    ScanOrder.Backward, [ 0; 1; 2; 3; 4 ], true
    ScanOrder.UpDown, [ 0; 1; 3; 2; 4 ], false
    ScanOrder.UpDownReversed, [ 0; 1; 3; 2; 4 ], true
    ScanOrder.FrontBack, [ 0; 2; 3; 1; 4 ], false
    ScanOrder.FrontBackReversed, [ 0; 2; 3; 1; 4 ], true
]

let private flip reversed (x: Tensor) =
    if reversed then x.flip (1L, 2L, 3L) else x

let private permute (axes: int list) (x: Tensor) =
    x.permute [| for axis in axes -> int64 axis |]

let private inverse axes = [ for axis in 0..4 -> List.findIndex ((=) axis) axes ]

let private convolutions = [
    "3D", DepthwiseConv.Volume3d 3
    "1D", DepthwiseConv.Causal1d 4
    "joined scales", DepthwiseConv.MultiScale3d([ 3; 5 ], ScaleFusion.JoinedSequence)
    "fused scales", DepthwiseConv.MultiScale3d([ 3; 5 ], ScaleFusion.Fused Fusion.Concatenation)
]

let private orderTests = [
    for name, convolution in convolutions do
        for order, axes, reversed in orders do
            test $"{order}, {name}: a forward scan of the volume turned that way" {
                use _scope = torch.NewDisposeScope()
                let mixer = { mixer with Convolution = convolution }
                let turned = create { mixer with Scan = [ order ] }
                let forward = create mixer
                let seen = tokens () |> permute axes |> flip reversed

                let expected =
                    forward.call (seen.contiguous ()) |> flip reversed |> permute (inverse axes)

                let actual = turned.call (tokens ())
                Expect.isLessThan (difference expected actual) 1e-5 "the same result"

                Expect.isGreaterThan
                    (difference (forward.call (tokens ())) actual)
                    1e-2
                    "not the forward scan's"
            }
]

let private withValue name (value: Tensor) (values: Map<string, Tensor>) = Map.add name value values

let private setTests = [
    test "separate state spaces that are equal are one that is shared" {
        use _scope = torch.NewDisposeScope()
        let shared = create { mixer with Scan = Scan.sixWay }

        let separate =
            create {
                mixer with
                    Scan = Scan.sixWay
                    Ssm = SsmParameters.Separate
            }

        let values = parameters shared

        let copies =
            Map [
                for entry in parameters separate do
                    let names = [ "A_log"; "D"; "x_proj.weight"; "dt_proj.weight"; "dt_proj.bias" ]

                    let original =
                        names
                        |> List.tryFind (fun name ->
                            let stem = name.Split('.')[0]

                            entry.Key.StartsWith $"{stem}_"
                            && entry.Key[stem.Length + 2 ..] = name[stem.Length ..])

                    entry.Key, values[Option.defaultValue entry.Key original]
            ]

        copyInto separate copies

        Expect.isLessThan
            (difference (shared.call (tokens ())) (separate.call (tokens ())))
            1e-6
            "the same result"
    }

    test "separate state spaces differ from one that is shared" {
        use _scope = torch.NewDisposeScope()
        let shared = create { mixer with Scan = Scan.tri }

        let separate =
            create {
                mixer with
                    Scan = Scan.tri
                    Ssm = SsmParameters.Separate
            }

        Expect.isGreaterThan
            (difference (shared.call (tokens ())) (separate.call (tokens ())))
            1e-3
            "other results"
    }

    test "concatenation with the weights of a mean is the mean" {
        use _scope = torch.NewDisposeScope()
        let scan = { mixer with Scan = Scan.dual }
        let mean = create scan

        let joined =
            create {
                scan with
                    ScanFusion = Fusion.Concatenation
            }

        let inner = int64 (2 * channels)
        let half: Tensor = torch.eye(inner).mul(torch.tensor 0.5f)
        let weight = torch.cat([| half; half |], 1L).reshape(inner, 2L * inner, 1L, 1L, 1L)

        parameters mean
        |> withValue "scan_fusion.weight" weight
        |> withValue "scan_fusion.bias" (torch.zeros inner)
        |> copyInto joined

        Expect.isLessThan
            (difference (mean.call (tokens ())) (joined.call (tokens ())))
            1e-5
            "the same result"
    }

    test "a sum is the mean times the number of orders" {
        use _scope = torch.NewDisposeScope()
        let scan = { mixer with Scan = Scan.tri }
        let mean = create scan
        let sum = create { scan with ScanFusion = Fusion.Sum }
        let expected = (mean.call (tokens ())).mul(torch.tensor 3.0f)
        Expect.isLessThan (difference expected (sum.call (tokens ()))) 1e-5 "three times"
    }

    test "a random order is the same for its seed and another for another seed" {
        use _scope = torch.NewDisposeScope()

        let result seed =
            (create {
                mixer with
                    Scan = [ ScanOrder.Random seed ]
            })
                .call(tokens ())

        Expect.equal (difference (result 1) (result 1)) 0.0 "the same seed"
        Expect.isGreaterThan (difference (result 1) (result 2)) 1e-3 "another seed"
    }
]

let tests = testList "models/mixers" (orderTests @ setTests)
