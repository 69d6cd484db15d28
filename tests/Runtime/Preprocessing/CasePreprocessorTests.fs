module MedSegDsl.Tests.Runtime.Preprocessing.CasePreprocessorTests

open System
open System.IO
open System.Text.Json
open Expecto
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Planning
open MedSegDsl.Runtime.Preprocessing
open MedSegDsl.Runtime.Training.Sampling
open MedSegDsl.Tests.Golden

let private withoutSegmentation = " (no segmentation)"

/// The key that golden files use for a label or a region: "3" or "[2, 3]".
let private keyOf (labels: LabelManager) (locations: ClassLocations) =
    let isList = labels.HasRegions || locations.IsEverythingAnnotated
    let values = String.Join(", ", locations.Labels)
    if isList then $"[{values}]" else values

let private matchesLocations (expected: JsonElement) (locations: ClassLocations) name =
    let rows = [| for i in 0 .. locations.Count - 1 -> Array.append [| 0 |] locations[i] |]
    Expect.equal rows.Length (expected.GetProperty("count").GetInt32()) $"{name}: number of locations"

    for column, sum in Seq.indexed (expected.GetProperty("column_sums").EnumerateArray()) do
        let actual = rows |> Array.sumBy (fun row -> int64 row[column])
        Expect.equal actual (sum.GetInt64()) $"{name}: sum of column {column}"

    for i, row in Seq.indexed (expected.GetProperty("first").EnumerateArray()) do
        Expect.equal rows[i] (Expectations.ints row) $"{name}: location {i}"

    for row in expected.GetProperty("last").EnumerateArray() do
        Expect.equal (Array.last rows) (Expectations.ints row) $"{name}: last location"

let private matchesProperties (expected: JsonElement) (properties: CaseProperties) =
    let ints (name: string) =
        Expectations.ints (expected.GetProperty name)

    Expect.equal properties.Spacing (Expectations.numbers (expected.GetProperty "spacing")) "spacing"
    Expect.equal properties.ShapeBeforeCropping (ints "shape_before_cropping") "shape before cropping"

    Expect.equal
        properties.ShapeBeforeResampling
        (ints "shape_after_cropping_and_before_resampling")
        "shape before resampling"

    let box = [|
        for axis in expected.GetProperty("bbox_used_for_cropping").EnumerateArray() -> Expectations.ints axis
    |]

    Expect.equal properties.CropBox box "crop box"

let private rawOf (document: JsonElement) =
    Folder.at [ "pipeline"; "raw"; string (document.GetProperty "dataset") ]

let private plansOf (document: JsonElement) =
    let text (key: string) = string (document.GetProperty key)
    Folder.at [ "pipeline"; "planned"; text "dataset"; text "plans" + ".json" ]

/// One case of preprocessed/*.json.
let private preprocessCase (document: JsonElement) (name: string) (expected: JsonElement) =
    let text (key: string) = string (document.GetProperty key)
    let raw = rawOf document
    let dataset = DatasetJson.ReadFrom raw
    let plans = Plans.Read(plansOf document)

    let id = name.Replace(withoutSegmentation, "")

    let files =
        let cases =
            if name.EndsWith(withoutSegmentation, StringComparison.Ordinal) then
                CaseList.ImagesIn(Path.Combine(raw, "imagesTs"), dataset.FileEnding)
            else
                CaseList.Training(raw, dataset)

        Seq.find (fun (files: CaseFiles) -> files.Id = id) cases

    let reader = ImageReaders.ByName plans.ImageReaderWriter
    let image = reader.ReadChannels files.Images

    let segmentation =
        match files.Label with
        | null -> null
        | label -> reader.ReadLabels(label).Voxels

    let preprocessor =
        CasePreprocessor(plans, plans.Configuration(text "configuration"), dataset.LabelManager)

    let result =
        preprocessor.Preprocess(image.Voxels, image.Geometry.Spacing, segmentation, 2)

    Expect.equal
        (List.ofSeq (Seq.append [ result.Image.Channels ] result.Image.Shape))
        (Expectations.intList (expected.GetProperty "shape"))
        "shape"

    matchesProperties (expected.GetProperty "properties") result.Properties

    for channel, description in Seq.indexed (expected.GetProperty("data").EnumerateArray()) do
        let voxels = result.Image.Channel(channel).ToArray() |> Array.map float
        Expectations.matchesFloats 1e-5 description result.Image.Shape voxels $"channel {channel}"

    let labels = Array.map int result.Segmentation.Data
    let segExpected = expected.GetProperty "seg"
    Expectations.matchesLabels segExpected result.Segmentation.Shape labels "segmentation"

    let isSameSegmentation =
        Expectations.crc32 labels = segExpected.GetProperty("crc32").GetUInt32()

    match expected.TryGetProperty "class_locations" with
    | true, all when isSameSegmentation ->
        let keys = [ for entry in all.EnumerateObject() -> entry.Name ]

        Expect.equal
            [ for l in result.Locations -> keyOf dataset.LabelManager l ]
            keys
            "keys of the locations"

        for locations, entry in Seq.zip result.Locations (all.EnumerateObject()) do
            matchesLocations entry.Value locations entry.Name
    | true, _ -> ()
    | _ -> Expect.isEmpty result.Locations "no locations without labels"

let golden =
    testList "golden/pipeline/preprocessed" [
        for file in Folder.manifests [ "pipeline"; "preprocessed" ] do
            let document = Folder.read file

            if Directory.Exists(rawOf document) && File.Exists(plansOf document) then
                for case in document.GetProperty("cases").EnumerateObject() ->
                    test $"{Path.GetFileNameWithoutExtension file}/{case.Name}" {
                        preprocessCase document case.Name case.Value
                    }
    ]

let private labels (entries: (string * int list) list) order =
    let entries = [|
        for name, values in entries -> LabelEntry(name, Array.ofList values, List.length values > 1)
    |]

    LabelManager(entries, Option.toObj order)

let tests =
    testList "runtime/preprocessing/case" [
        testProperty "locations carry their labels, without repetition" (fun (seed: int) ->
            let random = Random seed
            let shape = Array.init 3 (fun _ -> random.Next(1, 30))

            let segmentation =
                Array.init (Array.reduce (*) shape) (fun _ ->
                    let label = random.Next(-1, 5)
                    if label = 2 then 0s else int16 label)

            let manager =
                labels
                    [ "background", [ 0 ]; "whole", [ 1; 2; 3 ]; "core", [ 3; 1 ]; "ignore", [ 4 ] ]
                    (Some [| 1; 3 |])

            let result = ForegroundLocations.Sample(segmentation, shape, manager)

            Expect.equal
                [ for l in result -> List.ofSeq l.Labels ]
                [ [ 1; 2; 3 ]; [ 3; 1 ]; [ -1; 0; 1; 2; 3 ] ]
                "regions in file order, then everything annotated"

            for locations in result do
                let voxels = [
                    for i in 0 .. locations.Count - 1 ->
                        let v = locations[i]
                        (v[0] * shape[1] + v[1]) * shape[2] + v[2]
                ]

                let total =
                    segmentation
                    |> Seq.filter (fun l -> Seq.contains (int l) locations.Labels)
                    |> Seq.length

                Expect.equal voxels.Length (max (min 10000 total) (int (ceil (float total * 0.01)))) "number"
                Expect.equal (List.distinct voxels).Length voxels.Length "no voxel twice"

                for voxel in voxels do
                    Expect.isTrue
                        (Seq.contains (int segmentation[voxel]) locations.Labels)
                        "the label of a location")
        test "another number of channels than the plans' is refused" {
            match Folder.manifests [ "pipeline"; "planned"; "Dataset902_SynthCT" ] with
            | files when List.exists (fun (f: string) -> f.EndsWith "nnUNetPlans.json") files ->
                let plans =
                    Plans.Read(Folder.at [ "pipeline"; "planned"; "Dataset902_SynthCT"; "nnUNetPlans.json" ])

                let manager = labels [ "background", [ 0 ]; "liver", [ 1 ] ] None

                let preprocessor =
                    CasePreprocessor(plans, plans.Configuration "3d_fullres", manager)

                let image = ImageArray<float32>(2, [| 3; 4; 5 |])

                Expect.throwsT<UserException>
                    (fun () -> preprocessor.Preprocess(image, [| 1.0; 1.0; 1.0 |], null) |> ignore)
                    "two channels"
            | _ -> skiptest "no plans in the golden folder"
        }
    ]
