/// Targets of deep supervision against tests/golden/pipeline/unit/deep_supervision.json.
module MedSegDsl.Tests.Runtime.Training.DeepSupervisionTests

open System
open System.IO
open System.Text.Json
open Expecto
open TorchSharp
open MedSegDsl.Runtime.Training.Losses
open MedSegDsl.Tests.Golden

let private golden (case: JsonElement) =
    let key = string (case.GetProperty("key").GetString())

    test key {
        use _ = torch.NewDisposeScope()
        let patch = Expectations.intList (case.GetProperty "patch")
        let weights = Expectations.numbers (case.GetProperty "weights")

        DeepSupervision.Weights weights.Length
        |> Array.iteri (fun i w -> Expectations.close 1e-12 0.0 weights[i] w $"weight {i}")

        let shape = [| 1L; 1L; yield! List.map int64 patch |]
        let values = Formula.labels key (1 :: patch) 5 |> Array.map int16
        let segmentation = torch.tensor(values: int16[]).reshape shape

        Seq.zip (case.GetProperty("scales").EnumerateArray()) (case.GetProperty("targets").EnumerateArray())
        |> Seq.iteri (fun i (scale, expected) ->
            let size = DeepSupervision.TargetSize(ResizeArray patch, Expectations.numbers scale)

            let target =
                DeepSupervision.Downsample(segmentation, ReadOnlySpan(Array.map int64 size))

            let actual = target.data<int16>().ToArray() |> Array.map int
            Expectations.matchesLabels expected [ 1; yield! size ] actual $"target {i}"

            Expect.equal
                (Expectations.crc32 actual)
                (expected.GetProperty("crc32").GetUInt32())
                $"target {i}: exact")
    }

let private file = Folder.at [ "pipeline"; "unit"; "deep_supervision.json" ]

let goldenTests =
    testList "golden/deep supervision" [
        if File.Exists file then
            for case in (Folder.read file).GetProperty("cases").EnumerateArray() do
                golden case
    ]

let tests =
    testList "training/deep supervision" [
        test "five maps weigh 8 : 4 : 2 : 1 : 0 over 15" {
            DeepSupervision.Weights 5
            |> Seq.iter2 (fun expected weight -> Expectations.close 1e-12 0.0 expected weight "weight") [
                8.0 / 15.0
                4.0 / 15.0
                2.0 / 15.0
                1.0 / 15.0
                0.0
            ]
        }

        test "a single map weighs everything" { Expect.equal (DeepSupervision.Weights 1) [| 1.0 |] "weights" }
    ]
