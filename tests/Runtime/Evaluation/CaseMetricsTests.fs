/// All metrics of a case, the rules for empty classes, and the files that hold them.
module MedSegDsl.Tests.Runtime.Evaluation.CaseMetricsTests

open System
open System.IO
open Expecto
open FsCheck.FSharp
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

let private spacing = [| 2.0; 1.0; 0.5 |]
let private one = LabelOrRegion.Label(1, "one")

let private request rules =
    MetricRequest(rules, SurfaceTolerances.Same rules.ToleranceMm)

let private counts (targets: LabelOrRegion list) ignored (reference: ImageArray<int16>) prediction =
    let histogram = JointHistogram(reference, prediction)

    readOnlyDict [
        for target in targets -> target, histogram.Counts(target, Option.toNullable ignored)
    ]

let private measure rules targets ignored reference prediction =
    CaseMetrics.Measure(
        "case",
        reference,
        prediction,
        spacing,
        counts targets ignored reference prediction,
        request rules,
        Option.toNullable ignored
    )

let private rowOf rules (reference: int[]) (prediction: int[]) =
    let map = MetricsTests.labelMap [ 1; 1; reference.Length ]
    (measure rules [ one ] None (map reference) (map prediction)).Classes[0]

let private same name (actual: float) (expected: float) =
    if Double.IsNaN expected then
        Expect.isTrue (Double.IsNaN actual) $"{name} is undefined, not {actual}"
    elif Double.IsInfinity expected then
        Expect.equal actual expected name
    else
        Expect.floatClose Accuracy.medium actual expected name

let private absent = [| 0; 0; 0 |]
let private present = [| 0; 1; 0 |]
let private diagonal = 373.1287

let private emptyCases =
    // rules, reference, prediction, Dice, HD95, NSD
    [
        MetricRules.Standard, absent, absent, nan, nan, nan
        MetricRules.Standard, absent, present, 0.0, infinity, 0.0
        MetricRules.Standard, present, absent, 0.0, infinity, 0.0
        MetricRules.Amos, present, absent, 0.0, infinity, 0.0
        MetricRules.Brats, absent, absent, 1.0, 0.0, 1.0
        MetricRules.Brats, absent, present, 0.0, diagonal, 0.0
        MetricRules.Brats, present, absent, 0.0, diagonal, 0.0
        MetricRules.TotalSegmentator, absent, absent, nan, nan, nan
        MetricRules.TotalSegmentator, absent, present, nan, nan, nan
        MetricRules.TotalSegmentator, present, absent, 0.0, infinity, 0.0
        MetricRules.TotalSegmentator, present, present, 1.0, 0.0, 1.0
    ]

let private rules =
    testList "rules" [
        for rules, reference, prediction, dice, hd95, nsd in emptyCases do
            test $"{rules.Name}, reference {Array.sum reference}, prediction {Array.sum prediction}" {
                let row = rowOf rules reference prediction
                same "Dice" row.Values[Metric.Dice] dice
                same "HD95" row.Values[Metric.Hausdorff95] hd95
                same "NSD" row.Values[Metric.SurfaceDice] nsd
            }
        test "shares are undefined where their own object is empty" {
            let missed = rowOf MetricRules.Standard present absent
            same "sensitivity" missed.Values[Metric.Sensitivity] 0.0
            same "precision" missed.Values[Metric.Precision] nan
            let invented = rowOf MetricRules.Standard absent present
            same "sensitivity" invented.Values[Metric.Sensitivity] nan
            same "precision" invented.Values[Metric.Precision] 0.0
        }
        test "unknown rules are named, with those that there are" {
            TemporaryFolder.expectsLine [ "btcv"; "amos"; "brats" ] (fun () ->
                MetricRules.ByName "btcv" |> ignore)
        }
        test "tolerances for all classes and for one" {
            let classes = [| "liver"; "spleen" |]
            let parsed = SurfaceTolerances.Parse([ "3"; "liver=5" ], 2.0, classes)
            Expect.equal (parsed.Of "liver", parsed.Of "spleen") (5.0, 3.0) "own and default"
            Expect.equal (SurfaceTolerances.Parse([], 2.0, classes).Of "liver") 2.0 "the rules'"

            for word in [ "kidney=2"; "liver=x"; "0"; "-1" ] do
                TemporaryFolder.expectsLine [ word ] (fun () ->
                    SurfaceTolerances.Parse([ word ], 2.0, classes) |> ignore)
        }
    ]

let private values =
    testList "values" [
        test "a row worked out by hand" {
            // Reference x 1 to 4, prediction x 2 to 6: voxels of 2 × 1 × 0.5 mm in one row, all of them surface.
            let row =
                rowOf MetricRules.Standard [| 0; 1; 1; 1; 1; 0; 0; 0 |] [| 0; 0; 1; 1; 1; 1; 1; 0 |]

            let check (metric: Metric) expected =
                same metric.Name row.Values[metric] expected

            check Metric.Dice (6.0 / 9.0)
            check Metric.IoU 0.5
            check Metric.Sensitivity 0.75
            check Metric.Precision 0.6
            check Metric.VolumeDifference 0.001
            check Metric.Hausdorff 1.0
            check Metric.Hausdorff95 0.9
            check Metric.AverageSurfaceDistance (2.0 / 9.0)
            check Metric.SurfaceDice 1.0
            same "reference volume" row.ReferenceMl 0.004
        }
        test "voxels that the reference leaves open belong to no object" {
            let map = MetricsTests.labelMap [ 1; 1; 6 ]

            let case =
                measure
                    MetricRules.Standard
                    [ one ]
                    (Some 2)
                    (map [| 0; 1; 1; 2; 2; 0 |])
                    (map [| 0; 1; 1; 1; 1; 0 |])

            same "Dice" case.Classes[0].Values[Metric.Dice] 1.0
            same "Hausdorff" case.Classes[0].Values[Metric.Hausdorff] 0.0
        }
    ]

let private maps = gen {
    let! shape = Gen.listOfLength 3 (Gen.choose (1, 6))
    let map = Gen.arrayOfLength (Formula.count shape) (Gen.choose (0, 3))
    let! reference = map
    let! prediction = map
    return shape, reference, prediction
}

let private laws =
    testPropertyWithConfig FsCheckConfig.defaultConfig "each class in its box is as in the whole volume"
    <| Prop.forAll (Arb.fromGen maps) (fun (shape, reference, prediction) ->
        let reference = MetricsTests.labelMap shape reference
        let prediction = MetricsTests.labelMap shape prediction
        let targets = [ one; LabelOrRegion.Region([ 2; 3 ], "both") ]
        let case = measure MetricRules.Standard targets None reference prediction

        for target, row in Seq.zip targets case.Classes do
            let mask (map: ImageArray<int16>) = BinaryMask.Of(map, target.Labels)
            let whole = SurfaceDistances.Measure(mask prediction, mask reference, spacing)
            same "Hausdorff" row.Values[Metric.Hausdorff] whole.Hausdorff
            same "HD95" row.Values[Metric.Hausdorff95] whole.Hausdorff95
            same "ASSD" row.Values[Metric.AverageSurfaceDistance] whole.AverageSymmetric

            same "NSD" row.Values[Metric.SurfaceDice] (whole.SurfaceDice MetricRules.Standard.ToleranceMm))

let private groups =
    let sided names = [
        for name in names do
            for side in [ "left"; "right" ] -> $"{name}_{side}"
    ]

    let vertebrae = [
        "sacrum"
        for region, count in [ "S", 1; "L", 5; "T", 12; "C", 7 ] do
            for i in 1..count do
                $"vertebrae_{region}{i}"
    ]

    let ribs = [
        "sternum"
        "costal_cartilages"
        for side in [ "left"; "right" ] do
            for i in 1..12 do
                $"rib_{side}_{i}"
    ]

    let muscles =
        sided [
            "humerus"
            "scapula"
            "clavicula"
            "femur"
            "hip"
            "gluteus_maximus"
            "gluteus_medius"
            "gluteus_minimus"
            "autochthon"
            "iliopsoas"
        ]
        @ [ "spinal_cord"; "brain"; "skull" ]

    let cardiac =
        sided [
            "subclavian_artery"
            "common_carotid_artery"
            "brachiocephalic_vein"
            "iliac_artery"
            "iliac_vena"
        ]
        @ [
            "heart"
            "aorta"
            "pulmonary_vein"
            "brachiocephalic_trunk"
            "atrial_appendage_left"
            "superior_vena_cava"
            "inferior_vena_cava"
            "portal_vein_and_splenic_vein"
        ]

    let organs = [
        "spleen"
        "kidney_right"
        "urinary_bladder"
        "lung_upper_lobe_left"
        "prostate"
    ]

    testList "groups" [
        test "TotalSegmentator's five groups of CT" {
            let groups =
                TotalSegmentatorGroups.Of(Array.ofList (ribs @ organs @ vertebrae @ muscles @ cardiac))

            Expect.equal
                [ for group in groups -> group.Name, List.ofSeq group.Classes ]
                [
                    "organs", organs
                    "vertebrae", vertebrae
                    "cardiac", cardiac
                    "muscles", muscles
                    "ribs", ribs
                ]
                "each class in its group"

            Expect.equal
                (vertebrae.Length, cardiac.Length, muscles.Length, ribs.Length)
                (26, 18, 23, 26)
                "as many as published"
        }
        test "MR has two" {
            let groups =
                TotalSegmentatorGroups.Of [|
                    "vertebrae"
                    "sacrum"
                    "heart"
                    "femur_left"
                    "brain"
                    "spinal_cord"
                |]

            Expect.equal
                [ for group in groups -> group.Name, group.Classes.Count ]
                [ "organs", 4; "muscles", 2 ]
                "organs and muscles"
        }
    ]

let private files = test "what is written is read back, and is a row a case and class as a table" {
    let map = MetricsTests.labelMap [ 1; 1; 4 ]

    let case name reference prediction =
        CaseMetrics.Measure(
            name,
            map reference,
            map prediction,
            spacing,
            counts [ one ] None (map reference) (map prediction),
            request MetricRules.Standard,
            Nullable()
        )

    let report =
        MetricsReport(
            request MetricRules.Standard,
            [| "one" |],
            [|
                case "a" [| 0; 1; 1; 0 |] [| 0; 1; 0; 0 |]
                case "b,c" [| 0; 1; 0; 0 |] [| 0; 0; 0; 0 |]
                case "d" [| 0; 0; 0; 0 |] [| 0; 0; 0; 0 |]
            |]
        )

    TemporaryFolder.using' (fun folder ->
        report.Write folder
        let read = MetricsReport.Read(Path.Combine(folder, MetricsReport.JsonName))
        Expect.equal read.Request.Rules report.Request.Rules "rules"
        Expect.equal (read.Request.Tolerances.Of "one") 2.0 "tolerance"

        for metric in Metric.All do
            Seq.iter2 (same metric.Name) (read.Values("one", metric)) (report.Values("one", metric))

        let rows = File.ReadAllLines(Path.Combine(folder, MetricsReport.CsvName))
        Expect.hasLength rows 4 "a header and three rows"
        Expect.stringStarts rows[0] "case,class,reference (ml),prediction (ml),Dice,IoU" "its columns"
        Expect.stringStarts rows[1] "a,one,0.002,0.001,0.66666" "numbers"

        Expect.stringStarts
            rows[2]
            "\"b,c\",one,0.001,0,0,0,0,,-0.001,inf,inf,inf,0,2"
            "infinite and undefined"

        Expect.stringStarts rows[3] "d,one,0,0,,,,,0,,,,,2" "undefined")

    let dice = report.OverClasses(Metric.Dice, report.Classes)
    Expect.floatClose Accuracy.high dice.Mean (1.0 / 3.0) "the case without the class does not count"
}

let tests =
    testList "runtime/evaluation/metrics of a case" [ rules; values; laws; groups; files ]
