module MedSegDsl.Tests.Runtime.PythonJsonTests

open System
open System.Globalization
open System.Text.Json.Nodes
open Expecto
open MedSegDsl.Runtime.Files
open MedSegDsl.Tests.Runtime

let private notation =
    // Each text was printed by Python's repr.
    testList "prints" [
        for value, text in
            [
                54.0, "54.0"
                1e-5, "1e-05"
                0.0001, "0.0001"
                2.6500000953674316, "2.6500000953674316"
                123456789012345680.0, "1.2345678901234568e+17"
                1e16, "1e+16"
                1e15, "1000000000000000.0"
                -0.03, "-0.03"
                5e-324, "5e-324"
                1.7976931348623157e308, "1.7976931348623157e+308"
                0.0, "0.0"
                -0.0, "-0.0"
                Double.NaN, "NaN"
                Double.NegativeInfinity, "-Infinity"
            ] -> test text { Expect.equal (PythonJson.Number value) text "Python's notation" }
    ]

let tests =
    testList "runtime/python json" [
        notation

        testProperty "a number reads back the same" (fun (FsCheck.NormalFloat value) ->
            Double.Parse(PythonJson.Number value, CultureInfo.InvariantCulture) = value)

        test "numbers keep their text, bare NaN stays a number" {
            let text =
                "{\n    \"a\": [\n        54.0,\n        NaN,\n        -Infinity,\n        1e-05\n    ],\n    \"b\": {},\n    \"c\": [],\n    \"d\": \"NaN \\\" \\u00e9\",\n    \"e\": null,\n    \"f\": true\n}"

            let node = PythonJson.Parse(text, "x.json")
            Expect.equal (PythonJson.ToText node) text "written as read"
            let list = (nonNull node["a"]).AsArray()
            Expect.isTrue (Double.IsNaN((nonNull list[1]).GetValue<double>())) "NaN is a number"
        }

        test "values made here are written as Python would" {
            let node = JsonObject()
            node["whole"] <- JsonValue.Create 3
            node["float"] <- JsonValue.Create 3.0
            node["text"] <- JsonValue.Create "Gehirn ü\n"
            node["flag"] <- JsonValue.Create false

            let text =
                "{\n    \"flag\": false,\n    \"float\": 3.0,\n    \"text\": \"Gehirn \\u00fc\\n\",\n    \"whole\": 3\n}"

            Expect.equal (PythonJson.ToText(node, sortKeys = true)) text "sorted"
        }

        test "broken files are named" {
            TemporaryFolder.using' (fun folder ->
                let path = TemporaryFolder.write folder [ "plans.json" ] "{\"a\": "

                TemporaryFolder.expectsLine [ path; "not valid JSON" ] (fun () ->
                    PythonJson.Read path |> ignore)

                let missing = path + "x"

                TemporaryFolder.expectsLine [ missing; "no such file" ] (fun () ->
                    PythonJson.Read missing |> ignore)

                let twice =
                    TemporaryFolder.write folder [ "twice.json" ] "{\"a\": {\"b\": 1, \"b\": 2}}"

                TemporaryFolder.expectsLine [ twice ] (fun () -> PythonJson.Read twice |> ignore))
        }

        test "fields of the wrong kind are named" {
            let fields =
                JsonFields(
                    PythonJson.Parse("{\"a\": {\"b\": \"x\", \"c\": [1, 2.5]}}", "p.json").AsObject(),
                    "p.json"
                )

            let inner = fields.Object "a"

            TemporaryFolder.expectsLine [ "p.json: a"; "\"b\""; "whole number"; "\"x\"" ] (fun () ->
                inner.Whole "b" |> ignore)

            TemporaryFolder.expectsLine [ "\"c\""; "whole number" ] (fun () -> inner.Wholes "c" |> ignore)
            TemporaryFolder.expectsLine [ "\"d\""; "missing" ] (fun () -> inner.Text "d" |> ignore)
            Expect.equal (inner.Numbers "c") [| 1.0; 2.5 |] "numbers"
        }
    ]
