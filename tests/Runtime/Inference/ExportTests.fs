/// From logits to label maps, probabilities and files of them.
module MedSegDsl.Tests.Runtime.Inference.ExportTests

open System.IO
open System.Text.Json
open Expecto
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Inference
open MedSegDsl.Runtime.Planning
open MedSegDsl.Runtime.Preprocessing
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

let private logits (shape: int list) (values: float[]) =
    Logits(values |> Array.map float32 |> Array.chunkBySize (Formula.count shape.Tail), shape.Tail)

let private flat (logits: Logits) =
    logits.Channels |> Array.concat |> Array.map float

let private shapeOf (logits: Logits) =
    logits.Classes :: List.ofArray logits.Shape

let private classOrder (case: JsonElement) : int[] | null =
    match case.GetProperty "regions_class_order" with
    | order when order.ValueKind = JsonValueKind.Array -> Expectations.ints order
    | _ -> null

let private key (case: JsonElement) =
    string (case.GetProperty("key").GetString())

let private matchesMap (expected: JsonElement) (labels: ImageArray<int16>) name =
    Expectations.matchesLabels expected labels.Shape (Array.map int labels.Data) name

/// A grid that changes nothing but what the box cuts off.
let private plainGrid (shape: int list) (whole: int list) (start: int list) =
    let box =
        List.map2 (fun first n -> [| first; first + n |]) start shape |> Array.ofList

    let spacing = [| 1.0; 1.0; 1.0 |]

    ExportGrid(
        spacing,
        spacing,
        ResamplingSettings.DefaultProbabilities,
        Array.ofList whole,
        box,
        [| 0; 1; 2 |]
    )

let private labels =
    testList "golden/pipeline/unit/labels" [
        for case in UnitFile.rows "labels" "cases" ->
            test (key case) {
                let shape = Expectations.intList (case.GetProperty "shape")
                let values = Formula.unit (key case) (Formula.count shape) |> Array.map ((*) 4.0)
                let order = classOrder case
                let probabilities = logits shape values
                Probabilities.FromLogits(probabilities, not (isNull order))

                Expectations.matchesFloats
                    1e-5
                    (case.GetProperty "probabilities")
                    shape
                    (flat probabilities)
                    "probabilities"

                let grow n = List.map2 (+) n shape.Tail
                let grid = plainGrid shape.Tail (grow [ 3; 2; 1 ]) [ 1; 2; 0 ]

                let struct (_, placed) =
                    Exporter.SegmentWithProbabilities(logits shape values, grid, order, 1)

                Expectations.matchesFloats
                    1e-5
                    (case.GetProperty "probabilities_uncropped")
                    (shapeOf placed)
                    (flat placed)
                    "uncropped"

                let running = RunningSegmentation(Array.ofList shape.Tail, order)
                let ofProbabilities = RunningSegmentation(Array.ofList shape.Tail, order)

                (logits shape values).Channels
                |> Array.iter (fun channel -> running.Add channel)

                probabilities.Channels
                |> Array.iter (fun channel -> ofProbabilities.Add(channel, true))

                matchesMap (case.GetProperty "segmentation") running.Labels "of logits"

                matchesMap
                    (case.GetProperty "segmentation_from_probabilities")
                    ofProbabilities.Labels
                    "of probabilities"
            }
    ]

let private export =
    testList "golden/pipeline/unit/inference/export" [
        for case in UnitFile.rows "inference" "export" ->
            test (key case) {
                let of' (name: string) = case.GetProperty name
                let shape = Expectations.intList (of' "logits_shape")
                let noise = Formula.unit (key case + "/n") (Formula.count shape)

                let values =
                    Formula.blobs (key case) shape 1000 [ 1; 3; 4; 4 ]
                    |> Array.mapi (fun i blob -> float blob / 100.0 - 5.0 + noise[i])

                let forward = Expectations.ints (of' "transpose_forward")

                let own =
                    Transposition.Apply<float>(Expectations.numbers (of' "original_spacing"), forward)

                let planned = Expectations.numbers (of' "configuration_spacing")

                let grid =
                    ExportGrid(
                        (if planned.Length = 2 then
                             Array.append [| own[0] |] planned
                         else
                             planned),
                        own,
                        ResamplingSettings.DefaultProbabilities,
                        Expectations.ints (of' "shape_before_cropping"),
                        [|
                            for range in (of' "bbox_used_for_cropping").EnumerateArray() ->
                                Expectations.ints range
                        |],
                        Expectations.ints (of' "transpose_backward")
                    )

                let order = classOrder case
                let alone = Exporter.Segment(logits shape values, grid, order, 1)

                let struct (map, probabilities) =
                    Exporter.SegmentWithProbabilities(logits shape values, grid, order, 2)

                matchesMap (of' "segmentation") alone "label map"
                Expect.equal map.Data alone.Data "the same with probabilities"

                Expectations.matchesFloats
                    1e-5
                    (of' "probabilities")
                    (shapeOf probabilities)
                    (flat probabilities)
                    "probabilities"
            }
    ]

let private ensemble =
    testList "golden/pipeline/unit/ensemble" [
        for case in UnitFile.rows "ensemble" "cases" ->
            test (key case) {
                TemporaryFolder.using' (fun folder ->
                    let shape = Expectations.intList (case.GetProperty "shape")
                    let order = classOrder case
                    let scale = (case.GetProperty "scale").GetDouble()

                    let files = [|
                        for member' in 0 .. (case.GetProperty "members").GetInt32() - 1 ->
                            let name = (key case).Replace("<member>", string member')
                            let values = Formula.unit name (Formula.count shape) |> Array.map ((*) scale)
                            let probabilities = logits shape values
                            Probabilities.FromLogits(probabilities, not (isNull order))
                            let file = Path.Combine(folder, $"{member'}.npz")
                            ProbabilityFile.Write(file, probabilities)
                            file
                    |]

                    let struct (map, average) = Ensemble.Average(files, order, true)
                    let average = nonNull average

                    Expectations.matchesFloats
                        1e-5
                        (case.GetProperty "probabilities")
                        (shapeOf average)
                        (flat average)
                        "average"

                    matchesMap (case.GetProperty "segmentation") map "label map")
            }
    ]

let private files =
    testList "runtime/inference/probability file" [
        test "a file comes back as it was written, with numpy's header" {
            TemporaryFolder.using' (fun folder ->
                let file = Path.Combine(folder, "case.npz")
                let written = logits [ 3; 2; 4; 5 ] (Formula.unit "npz" 120)
                ProbabilityFile.Write(file, written)
                use read = ProbabilityFile.Open file
                Expect.equal (read.Classes, List.ofArray read.Shape) (3, [ 2; 4; 5 ]) "shape"

                for channel in written.Channels do
                    let values = Array.zeroCreate channel.Length
                    read.ReadNext values
                    Expect.equal values channel "a class"

                use archive = System.IO.Compression.ZipFile.OpenRead file
                let entry = nonNull (archive.GetEntry "probabilities.npy")
                Expect.equal ((entry.Length - 120L * 4L) % 64L) 0L "data starts at a multiple of 64 bytes"
                use text = new StreamReader(entry.Open(), System.Text.Encoding.Latin1)
                let header = nonNull (text.ReadLine())

                Expect.stringContains
                    header
                    "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2, 4, 5), }"
                    "Python's dictionary")
        }
        test "a file that is no archive, cut off or of another kind is named" {
            TemporaryFolder.using' (fun folder ->
                let text = TemporaryFolder.write folder [ "text.npz" ] "no archive"

                TemporaryFolder.expectsLine [ "text.npz" ] (fun () -> ProbabilityFile.Open(text).Dispose())

                let other = Path.Combine(folder, "other.npz")

                do
                    use archive =
                        System.IO.Compression.ZipFile.Open(
                            other,
                            System.IO.Compression.ZipArchiveMode.Create
                        )

                    archive.CreateEntry("softmax.npy") |> ignore

                TemporaryFolder.expectsLine [ "other.npz"; "probabilities" ] (fun () ->
                    ProbabilityFile.Open(other).Dispose()))
        }
    ]

let tests = testList "" [ labels; export; ensemble; files ]
