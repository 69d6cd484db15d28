module MedSegDsl.Tests.Runtime.TopologyTests

open System.Text.Json
open Expecto
open MedSegDsl.Runtime.Planning
open MedSegDsl.Tests.Golden

let private rows (element: JsonElement) = [| for row in element.EnumerateArray() -> Expectations.ints row |]

let tests =
    testList "golden/topology" [
        let unit' name =
            Folder.entries [ "pipeline"; "unit"; "topology.json" ] name |> List.indexed

        for i, entry in unit' "pool_and_kernels" do
            test $"pool and kernels {i}" {
                let numbers (name: string) =
                    Expectations.numbers (entry.GetProperty name)

                let ints (name: string) =
                    Expectations.ints (entry.GetProperty name)

                let topology = Topology.For(numbers "spacing", numbers "size")
                Expect.equal topology.Strides (rows (entry.GetProperty "strides")) "strides"
                Expect.equal topology.Kernels (rows (entry.GetProperty "kernels")) "kernels"
                Expect.equal topology.PatchSize (ints "patch") "patch"
                Expect.equal topology.Divisor (ints "divisible_by") "divisor"

                Expect.equal
                    (topology.Divisor |> Array.map (fun d -> int (log (float d) / log 2.0 + 0.5)))
                    (ints "num_pool")
                    "poolings"
            }

        for i, entry in unit' "size_estimates" do
            test $"memory estimate {i}" {
                let ints (name: string) =
                    Expectations.ints (entry.GetProperty name)

                let strides = rows (entry.GetProperty "strides")
                let outputs = entry.GetProperty("output_channels").GetInt32()
                let plain = MemoryEstimate.Plain(ints "patch", strides, ints "features", outputs)
                Expect.equal plain (entry.GetProperty("plain_estimate").GetInt64()) "plain"

                let residual =
                    MemoryEstimate.Residual(ints "patch", strides, ints "features", outputs)

                Expect.equal residual (entry.GetProperty("residual_estimate").GetInt64()) "residual"
            }
    ]
