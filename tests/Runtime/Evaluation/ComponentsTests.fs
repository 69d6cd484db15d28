/// Connected components and what stays of a mask.
module MedSegDsl.Tests.Runtime.Evaluation.ComponentsTests

open System.Text.Json
open Expecto
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

let private golden =
    testList "golden/pipeline/unit/components/masks" [
        for case in UnitFile.rows "components" "masks" ->
            let key = string (case.GetProperty("key").GetString())

            test key {
                let shape = Expectations.intList (case.GetProperty "shape")
                let block = case.GetProperty("block").GetInt32()
                let blocks = [ (if shape.Head = 1 then 1 else block); block; block ]
                let threshold = case.GetProperty("threshold").GetDouble()

                let mask =
                    Formula.blobs key shape 1000 blocks
                    |> Array.map (fun value -> float value / 1000.0 * 2.0 - 1.0 > threshold)
                    |> fun voxels -> BinaryMask(voxels, Array.ofList shape)

                Expect.equal mask.Count (case.GetProperty("foreground").GetInt32()) "foreground"

                let kept full name =
                    let components = ConnectedComponents(mask, full)

                    let voxels =
                        components.Largest().Voxels |> Array.map (fun inside -> if inside then 1 else 0)

                    let expected = case.GetProperty(name: string)
                    Expect.equal (Expectations.crc32 voxels) (expected.GetProperty("crc32").GetUInt32()) name
                    components.Sizes

                let sizes = kept true "kept_connectivity_full"
                let expected = Expectations.intList (case.GetProperty "component_sizes")
                Expect.equal (sizes |> Seq.sortDescending |> List.ofSeq) expected "sizes"
                kept false "kept_connectivity_1" |> ignore
            }
    ]

let private kept =
    testList "golden/pipeline/unit/components/segmentations" [
        for case in UnitFile.rows "components" "segmentations" ->
            let key = string (case.GetProperty("key").GetString())

            test key {
                let shape = Expectations.intList (case.GetProperty "shape")
                let n = case.GetProperty("labels").GetInt32()

                let labels =
                    Formula.blobs key shape (2 * n) [ 3; 3; 3 ]
                    |> Array.map (fun label -> if label >= n then 0 else label)

                let crc (name: string) =
                    case.GetProperty(name).GetProperty("crc32").GetUInt32()

                Expect.equal (Expectations.crc32 labels) (crc "input") "input"

                let wanted =
                    Nodes.JsonNode.Parse((case.GetProperty "labels_or_regions").GetRawText())

                let step = LargestComponent.FromJson(wanted, key)
                let actual = step.Apply(MetricsTests.labelMap shape labels)
                Expect.equal (Expectations.crc32 (Array.map int actual.Data)) (crc "output") "output"
            }
    ]

let tests = testList "" [ golden; kept ]
