module MedSegDsl.Tests.Runtime.PlansBuilderTests

open System
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open Expecto
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Files
open MedSegDsl.Runtime.Planning
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

/// Every field, the order of keys included; floats to a relative 1e-12.
let rec private same (path: string) (expected: JsonElement) (actual: JsonElement) =
    Expect.equal actual.ValueKind expected.ValueKind $"{path}: kind"

    match expected.ValueKind with
    | JsonValueKind.Object ->
        let keys (element: JsonElement) = [ for p in element.EnumerateObject() -> p.Name ]
        Expect.equal (keys actual) (keys expected) $"{path}: keys"

        for p in expected.EnumerateObject() do
            same $"{path}.{p.Name}" p.Value (actual.GetProperty p.Name)
    | JsonValueKind.Array ->
        Expect.equal (actual.GetArrayLength()) (expected.GetArrayLength()) $"{path}: length"

        for i in 0 .. expected.GetArrayLength() - 1 do
            same $"{path}[{i}]" expected[i] actual[i]
    | JsonValueKind.Number ->
        let e, a = expected.GetDouble(), actual.GetDouble()

        let isFloat (element: JsonElement) =
            element.GetRawText().IndexOfAny [| '.'; 'e' |] >= 0

        Expect.equal
            (isFloat actual)
            (isFloat expected)
            $"{path}: {actual.GetRawText()} for {expected.GetRawText()}"

        Expect.isTrue (abs (e - a) <= 1e-12 * abs e) $"{path}: {a} for {e}"
    | _ -> Expect.equal (actual.GetRawText()) (expected.GetRawText()) path

/// The settings that the README's naming of plans files stands for.
let private settings (planner: string) (plansName: string) =
    let suffix =
        Regex.Match(plansName, "_(?:(?<gb>[0-9.]+)GB|iso(?<mm>[0-9.]+)|(?<cascade>cascade))$")

    let number (group: string) =
        match suffix.Groups[group] with
        | g when g.Success -> Some(float g.Value)
        | _ -> None

    let memory =
        if suffix.Groups["cascade"].Success then
            Some 0.1
        else
            number "gb"

    let spacing: float[] | null =
        match number "mm" with
        | Some mm -> [| mm; mm; mm |]
        | None -> null

    PlanningSettings(Planner.ByName planner, Option.toNullable memory, spacing, plansName)

let private plans =
    testList "golden/plans" [
        for kind, datasetOf in
            [
                "plans", (fun name -> [ "plans"; name ])
                "planned", (fun name -> [ "raw"; name ])
            ] do
            for name in Folder.folders [ "pipeline"; kind ] do
                let datasetFile = Folder.at ("pipeline" :: datasetOf name @ [ "dataset.json" ])

                let fingerprintFile =
                    Folder.at [ "pipeline"; kind; name; "dataset_fingerprint.json" ]

                if File.Exists datasetFile && File.Exists fingerprintFile then
                    for file in Folder.manifests [ "pipeline"; kind; name ] do
                        if (nonNull (Path.GetFileName file)).StartsWith "nnUNet" then
                            test $"{name}/{Path.GetFileNameWithoutExtension file}" {
                                let expected = Folder.read file

                                let text (key: string) =
                                    string (expected.GetProperty(key).GetString())

                                let dataset = DatasetJson.Read datasetFile

                                let fingerprint = DatasetFingerprint.Read fingerprintFile

                                let made =
                                    PlansBuilder.Build(
                                        dataset,
                                        fingerprint,
                                        text "dataset_name",
                                        text "image_reader_writer",
                                        settings (text "experiment_planner_used") (text "plans_name")
                                    )

                                same "" expected (JsonDocument.Parse(PythonJson.ToText made.Json).RootElement)
                            }
    ]

let tests = testList "" [ plans ]
