/// Dice, IoU and the counts behind them.
module MedSegDsl.Tests.Runtime.Evaluation.MetricsTests

open System.Text.Json
open Expecto
open FsCheck.FSharp
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

/// A label, or a list of labels that is a region.
let target (element: JsonElement) =
    match element.ValueKind with
    | JsonValueKind.Array -> LabelOrRegion.Region(Expectations.ints element)
    | _ -> LabelOrRegion.Label(element.GetInt32())

let labelMap shape (values: int[]) =
    ImageArray<int16>(Array.map int16 values, 1, Array.ofList shape)

let private golden =
    testList "golden/pipeline/unit/metrics" [
        for case in UnitFile.rows "metrics" "cases" ->
            let text (name: string) =
                string (case.GetProperty(name).GetString())

            let shape = (Expectations.intList (case.GetProperty "shape")).Tail

            test (text "reference_key") {
                let reference =
                    Formula.blobs
                        (text "reference_key")
                        shape
                        (case.GetProperty("reference_labels").GetInt32())
                        [ 2; 3; 3 ]

                let classes = case.GetProperty("prediction_labels").GetInt32()
                let mix = Formula.unit (text "prediction_key" + "/mix") reference.Length

                let prediction =
                    Formula.blobs (text "prediction_key") shape classes [ 2; 2; 2 ]
                    |> Array.mapi (fun i label ->
                        if mix[i] > 0.3 then
                            label
                        else
                            min reference[i] (classes - 1))

                let ignored =
                    match case.GetProperty "ignore_label" with
                    | label when label.ValueKind = JsonValueKind.Null -> System.Nullable()
                    | label -> System.Nullable(label.GetInt32())

                let histogram = JointHistogram(labelMap shape reference, labelMap shape prediction)

                for expected in case.GetProperty("metrics").EnumerateArray() do
                    let of' (name: string) = expected.GetProperty name
                    let counts = histogram.Counts(target (of' "label"), ignored)

                    let actual = [
                        "TP", counts.TruePositives
                        "FP", counts.FalsePositives
                        "FN", counts.FalseNegatives
                        "TN", counts.TrueNegatives
                        "n_pred", counts.Predicted
                        "n_ref", counts.Reference
                    ]

                    for name, count in actual do
                        Expect.equal count ((of' name).GetInt64()) name

                    Expectations.close 1e-12 0.0 (Expectations.number (of' "Dice")) counts.Dice "Dice"
                    Expectations.close 1e-12 0.0 (Expectations.number (of' "IoU")) counts.IoU "IoU"
            }
    ]

let private twoMaps = gen {
    let! shape = Gen.listOfLength 3 (Gen.choose (1, 6))
    let map = Gen.arrayOfLength (Formula.count shape) (Gen.choose (0, 3))
    let! first = map
    let! second = map
    return shape, first, second
}

let private laws =
    testList "runtime/evaluation/metrics" [
        testPropertyWithConfig
            FsCheckConfig.defaultConfig
            "counts add up, and swapping the maps swaps the errors"
        <| Prop.forAll (Arb.fromGen twoMaps) (fun (shape, first, second) ->
            let one =
                JointHistogram(labelMap shape first, labelMap shape second).Counts(LabelOrRegion.Label 1)

            let other =
                JointHistogram(labelMap shape second, labelMap shape first).Counts(LabelOrRegion.Label 1)

            one.TruePositives + one.FalsePositives + one.FalseNegatives + one.TrueNegatives =
                int64 first.Length
            && one.FalsePositives = other.FalseNegatives
            && one.FalseNegatives = other.FalsePositives
            && one.Dice.Equals other.Dice)
        test "keys are written as Python writes them" {
            Expect.equal (LabelOrRegion.Label(7).Key) "7" "a label"
            Expect.equal (LabelOrRegion.Region([ 1; 2; 3 ]).Key) "(1, 2, 3)" "a region"
            Expect.equal (LabelOrRegion.Region([ 3 ]).Key) "(3,)" "a region of one label"
        }
        test "maps of different shapes are refused" {
            let small = labelMap [ 1; 2; 2 ] (Array.zeroCreate 4)
            let large = labelMap [ 1; 2; 3 ] (Array.zeroCreate 6)
            Expect.throwsT<UserException> (fun () -> JointHistogram(small, large) |> ignore) "two shapes"
        }
    ]

let tests = testList "" [ golden; laws ]
