module MedSegDsl.Tests.Runtime.LabelManagerTests

open System.Text.Json
open Expecto
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Files
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

let private dataset labels rest =
    let text =
        $"{{\"channel_names\": {{\"0\": \"CT\"}}, \"labels\": {labels}, \"numTraining\": 3, \"file_ending\": \".nii.gz\"{rest}}}"

    DatasetJson(PythonJson.Parse(text, "dataset.json").AsObject(), "dataset.json")

let private refuses words labels rest =
    TemporaryFolder.expectsLine ("dataset.json" :: words) (fun () -> dataset labels rest |> ignore)

let private optional (read: JsonElement -> 'a) (element: JsonElement) =
    if element.ValueKind = JsonValueKind.Null then
        None
    else
        Some(read element)

let private golden =
    testList "golden/labels" [
        for case in Folder.entries [ "pipeline"; "unit"; "labels.json" ] "cases" ->
            test (string (case.GetProperty("key").GetString())) {
                let order =
                    case.GetProperty "regions_class_order"
                    |> optional (fun list -> $", \"regions_class_order\": {list.GetRawText()}")

                let manager =
                    (dataset (case.GetProperty("labels").GetRawText()) (defaultArg order "")).LabelManager

                Expect.equal manager.HasRegions (case.GetProperty("has_regions").GetBoolean()) "has_regions"

                Expect.equal
                    manager.AllLabels
                    (Expectations.ints (case.GetProperty "all_labels"))
                    "all_labels"

                Expect.equal
                    manager.ForegroundLabels
                    (Expectations.ints (case.GetProperty "foreground_labels"))
                    "foreground_labels"

                let regions =
                    case.GetProperty "foreground_regions"
                    |> optional (fun list -> [|
                        for region in list.EnumerateArray() ->
                            if region.ValueKind = JsonValueKind.Number then
                                [| region.GetInt32() |]
                            else
                                Expectations.ints region
                    |])

                Expect.equal manager.ForegroundRegions (defaultArg regions [||]) "foreground_regions"

                Expect.equal
                    (Option.ofNullable manager.IgnoreLabel)
                    (case.GetProperty "ignore_label" |> optional _.GetInt32())
                    "ignore_label"

                Expect.equal
                    manager.Outputs
                    (case.GetProperty("num_segmentation_heads").GetInt32())
                    "num_segmentation_heads"
            }
    ]

let tests =
    testList "" [
        golden
        testList "runtime/labels" [
            test "no background" { refuses [ "background" ] """{"liver": 1}""" "" }
            test "background is not 0" { refuses [ "background" ] """{"background": 1, "liver": 0}""" "" }
            test "a gap" {
                refuses [ "consecutive"; "2 is missing" ] """{"background": 0, "a": 1, "b": 3}""" ""
            }
            test "ignore in the middle" {
                refuses [ "ignore"; "= 3" ] """{"background": 0, "a": 1, "b": 2, "ignore": 5}""" ""
            }
            test "ignore as a list" {
                refuses [ "ignore"; "list" ] """{"background": 0, "a": 1, "ignore": [2]}""" ""
            }
            test "regions without an order" {
                refuses [ "regions_class_order" ] """{"background": 0, "a": [1, 2], "b": 2}""" ""
            }
            test "regions with a short order" {
                refuses
                    [ "2 regions" ]
                    """{"background": 0, "a": [1, 2], "b": 2}"""
                    """, "regions_class_order": [1]"""
            }
            test "labels of version 1" { refuses [ "old order" ] """{"0": "background", "1": "liver"}""" "" }
            test "a fraction" { refuses [ "whole number" ] """{"background": 0, "liver": 1.5}""" "" }
            test "several problems in one line" {
                let json =
                    PythonJson.Parse("{\"labels\": {\"background\": 0}}", "dataset.json").AsObject()

                TemporaryFolder.expectsLine [ "channel_names"; "numTraining"; "file_ending" ] (fun () ->
                    DatasetJson(json, "dataset.json") |> ignore)
            }
            test "the old name of channel_names" {
                let text =
                    """{"modality": {"0": "T1", "1": "T2"}, "labels": {"background": 0, "a": 1}, "numTraining": 1, "file_ending": ".nii"}"""

                let dataset = DatasetJson(PythonJson.Parse(text, "d").AsObject(), "d")
                Expect.equal (List.ofSeq dataset.ChannelNames) [ "T1"; "T2" ] "channels"
            }
            test "a background region is no output" {
                let labels = """{"background": [0], "a": [1, 2], "b": [2], "ignore": 3}"""
                let manager = (dataset labels ", \"regions_class_order\": [1, 2]").LabelManager
                Expect.equal manager.ForegroundRegions [| [| 1; 2 |]; [| 2 |] |] "regions"
                Expect.equal manager.Outputs 2 "outputs"
                Expect.equal (Option.ofNullable manager.IgnoreLabel) (Some 3) "ignore"
            }
        ]
    ]
