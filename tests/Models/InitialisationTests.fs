/// How weights start.
module MedSegDsl.Tests.Models.InitialisationTests

open Expecto
open MedSegDsl
open MedSegDsl.Models
open MedSegDsl.Tests.Models.SmallNetworks
open TorchSharp

let private startOf seed network =
    use built = NetworkBuilder.Build(network, 2, 3, patch, seed)
    parameters built |> Map.map (fun _ p -> values p)

let private softplus x = log (1.0 + exp x)

let private timeStepBiases network =
    startOf 1L network
    |> Map.filter (fun name _ -> name.EndsWith "dt_proj.bias")
    |> Map.values
    |> Array.concat

let tests =
    testList "models/initialisation" [
        test "the same seed gives the same weights, another seed others" {
            let network = slim UlikeMamba.multiTri
            let first = startOf 7L network
            Expect.equal (startOf 7L network) first "the same seed"
            let other = startOf 8L network

            let same = [
                for entry in first do
                    if other[entry.Key] = entry.Value then
                        entry.Key
            ]

            let constant = [ ".A_log"; ".D"; ".norm"; ".bias" ]

            for name in same do
                Expect.exists constant (fun part -> name.Contains part) $"{name} starts at random"
        }

        test "what two variants have in common starts the same" {
            let single = startOf 7L (slim UlikeMamba.threeD)
            let dual = startOf 7L (slim UlikeMamba.dual)

            for entry in single do
                Expect.equal dual[entry.Key] entry.Value entry.Key
        }

        test "Mamba's start: the time step lies between 0.001 and 0.1, evenly on a log scale" {
            let steps = timeStepBiases (slim UlikeMamba.threeD) |> Array.map softplus
            Expect.all steps (fun step -> step >= 0.00099 && step <= 0.101) "within the bounds"
            let mean = steps |> Array.averageBy log10
            Expect.isLessThan (abs (mean + 2.0)) 0.1 "the middle is 0.01"
        }

        test "the published start: the time step's bias is 0" {
            let network =
                slim UlikeMamba.threeD |> withInitialisation Initialisation.AsPublished

            Expect.all (timeStepBiases network) ((=) 0.0) "all 0"
        }

        test "nothing is left undefined" {
            use _scope = torch.NewDisposeScope()

            for network in [ UlikeMamba.multiTri; UlikeTrans.sraMsv1 ] do
                for entry in startOf 1L (slim network |> withScanFusion Fusion.Concatenation) do
                    Expect.all entry.Value (fun x -> abs x < 10.0) entry.Key
        }
    ]
