module MedSegDsl.Tests.Runtime.Preprocessing.ResamplingTests

open System
open System.IO
open System.Text.Json
open Expecto
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Planning
open MedSegDsl.Runtime.Preprocessing.Resampling
open MedSegDsl.Tests.Golden

let private force (element: JsonElement) =
    match element.ValueKind with
    | JsonValueKind.Null -> Nullable()
    | _ -> Nullable(element.GetBoolean())

let private settings (case: JsonElement) =
    ResamplingSettings(
        ResamplingSettings.DefaultFunction,
        string (case.GetProperty "kind") <> "image",
        case.GetProperty("order").GetInt32(),
        case.GetProperty("order_z").GetInt32(),
        force (case.GetProperty "force_separate_z")
    )

/// One case of unit/resample.json, with the number of threads as a parameter.
let private resampleCase (case: JsonElement) threads =
    let shape = Expectations.intList (case.GetProperty "shape")
    let newShape = Expectations.ints (case.GetProperty "new_shape")
    let spacing = Expectations.numbers (case.GetProperty "current_spacing")
    let newSpacing = Expectations.numbers (case.GetProperty "new_spacing")
    let key = string (case.GetProperty "key")
    let space = Array.ofList shape.Tail

    match (string (case.GetProperty "kind")).Split ':' with
    | [| "image" |] ->
        let image =
            ImageArray(Formula.unitSingle key (Formula.count shape), shape.Head, space)

        let result =
            Resampler.ResampleImage(image, newShape, spacing, newSpacing, settings case, threads)

        Expectations.matchesFloats
            1e-6
            (case.GetProperty "output")
            (Seq.append [ result.Channels ] result.Shape)
            (Array.map float result.Data)
            key
    | [| kind; labels |] ->
        let minus = if kind = "segm1" then 1 else 0
        let blobs = Formula.blobs key shape.Tail (int labels) [ 2; 3; 3 ]
        let map = ImageArray(blobs |> Array.map (fun l -> int16 (l - minus)), 1, space)

        let result =
            Resampler.ResampleSegmentation(map, newShape, spacing, newSpacing, settings case, threads)

        let values = Array.map int result.Data
        Expectations.matchesLabels (case.GetProperty "output") (Seq.append [ 1 ] result.Shape) values key
    | other -> failtest $"unknown kind {other}"

let private newShapes (document: JsonElement) = test "new_shape/compute_new_shape" {
    for row in document.GetProperty("compute_new_shape").EnumerateArray() do
        let numbers (i: int) = Expectations.numbers row[i]
        let actual = NewShape.Compute(Expectations.ints row[0], numbers 1, numbers 2)
        Expect.equal actual (Expectations.ints row[3]) $"{row}"
}

let private separateAxes (document: JsonElement) = test "new_shape/separate_z" {
    for row in document.GetProperty("separate_z").EnumerateArray() do
        let actual =
            SeparateAxis.Decide(Expectations.numbers row[1], Expectations.numbers row[2], force row[0])

        Expect.equal actual.HasValue (row[3].GetBoolean()) $"separate? {row}"

        if actual.HasValue then
            Expect.equal actual.Value (row[4].GetInt32()) $"axis {row}"
}

let golden =
    let unitFile name = Folder.at [ "pipeline"; "unit"; name ]

    testList "golden/pipeline/unit" [
        if File.Exists(unitFile "resample.json") then
            for case in (Folder.read (unitFile "resample.json")).GetProperty("cases").EnumerateArray() do
                for threads in [ 1; 3 ] do
                    yield test $"""resample/{case.GetProperty "key"}/{threads} threads""" {
                        resampleCase case threads
                    }
        if File.Exists(unitFile "new_shape.json") then
            let document = Folder.read (unitFile "new_shape.json")
            yield newShapes document
            yield separateAxes document
    ]

/// Weights of one axis by definition, in double, without recursion: row i gives the output voxel i as a sum over input
/// voxels, the edge voxels repeated 40 times.
let private axisMatrix order (from: int) (until: int) =
    let pad = 40
    let pole = if order = 3 then sqrt 3.0 - 2.0 else sqrt 8.0 - 3.0
    let scale = (1.0 - pole) * (1.0 - 1.0 / pole) * -pole / (1.0 - pole * pole)

    let spline (t: float) =
        let t = abs t

        match order with
        | 1 -> max 0.0 (1.0 - t)
        | 2 when t <= 0.5 -> 0.75 - t * t
        | 2 -> (max 0.0 (1.5 - t)) ** 2.0 / 2.0
        | _ when t < 1.0 -> 2.0 / 3.0 - t * t + t * t * t / 2.0
        | _ -> (max 0.0 (2.0 - t)) ** 3.0 / 6.0

    Array.init until (fun i ->
        let p = (float i + 0.5) * (float from / float until) - 0.5

        let p =
            if order = 1 then
                Math.Clamp(p, 0.0, float (from - 1))
            else
                p

        let row = Array.zeroCreate from

        for k in int (floor p) - 2 .. int (floor p) + 3 do
            let weight = spline (p - float k)

            for j in k - pad .. k + pad do
                let response =
                    if order > 1 then scale * pown pole (abs (j - k))
                    elif j = k then 1.0
                    else 0.0

                let edge = Math.Clamp(j, 0, from - 1)
                row[edge] <- row[edge] + weight * response

        row)

/// The resize by definition: a triple sum over the input, clipped to its range.
let private plainReference order (shape: int[]) (newShape: int[]) (data: float32[]) =
    let m = Array.init 3 (fun a -> axisMatrix order shape[a] newShape[a])
    let low, high = float (Array.min data), float (Array.max data)

    let along (matrix: float[][]) outer inner (values: float[]) =
        let from = matrix[0].Length

        Array.init (outer * matrix.Length * inner) (fun at ->
            let o, i, n = at / (matrix.Length * inner), at / inner % matrix.Length, at % inner
            Seq.sum (seq { for k in 0 .. from - 1 -> matrix[i][k] * values[(o * from + k) * inner + n] }))

    data
    |> Array.map float
    |> along m[0] 1 (shape[1] * shape[2])
    |> along m[1] newShape[0] shape[2]
    |> along m[2] (newShape[0] * newShape[1]) 1
    |> Array.map (fun v -> Math.Clamp(v, low, high))

let private ofOrder order =
    ResamplingSettings(ResamplingSettings.DefaultFunction, false, order, 0, Nullable())

let private ones = [| 1.0; 1.0; 1.0 |]

let tests =
    testList "runtime/preprocessing/resampling" [
        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    maxTest = 25
            }
            "splines agree with their definition"
            (fun (seed: int) ->
                let random = Random seed
                let order = random.Next(1, 4)
                let shape = Array.init 3 (fun _ -> random.Next(1, 16))

                let newShape =
                    Array.init 3 (fun a -> if random.Next 4 = 0 then shape[a] else random.Next(1, 24))

                let image = ImageArray(1, shape)

                image.Data
                |> Array.iteri (fun i _ -> image.Data[i] <- float32 (random.NextDouble() * 200.0 - 100.0))

                let result = Resampler.ResampleImage(image, newShape, ones, ones, ofOrder order, 2)
                let expected = plainReference order shape newShape image.Data
                let error = Seq.map2 (fun a b -> abs (float a - b)) result.Data expected |> Seq.max

                Expect.isLessThan
                    error
                    1e-4
                    $"order {order}, {shape} to {newShape}: largest error, values to 100")
        testProperty "a label map of one label keeps it" (fun (seed: int) (label: int16) ->
            let random = Random seed

            let shape, newShape =
                Array.init 3 (fun _ -> random.Next(1, 9)), Array.init 3 (fun _ -> random.Next(1, 14))

            let label = Int16.Max(label, -1s)
            let map = ImageArray(Array.create (Array.reduce (*) shape) label, 1, shape)
            let result = Resampler.ResampleSegmentation(map, newShape, ones, ones, ofOrder 1)
            Expect.isTrue (result.Data |> Array.forall ((=) label)) "the label everywhere")
        testProperty "the one-pass label resize equals label by label" (fun (seed: int) ->
            let random = Random seed

            let shape, newShape =
                Array.init 3 (fun _ -> random.Next(1, 9)), Array.init 3 (fun _ -> random.Next(1, 14))

            let map = ImageArray(1, shape)
            map.Data |> Array.iteri (fun i _ -> map.Data[i] <- int16 (random.Next(-1, 4)))
            let result = Resampler.ResampleSegmentation(map, newShape, ones, ones, ofOrder 1)

            let masks = [
                for label in -1s .. 3s ->
                    let mask = map.Data |> Array.map (fun l -> if l = label then 1.0f else 0.0f)
                    label, plainReference 1 shape newShape mask
            ]

            for i in 0 .. result.Data.Length - 1 do
                // A mask within 1e-9 of 0.5 is a tie: the last bit decides, either answer is right.
                let reaching slack =
                    masks
                    |> List.filter (fun (_, m) -> m[i] >= 0.5 + slack)
                    |> List.map fst
                    |> List.fold (fun _ l -> l) 0s

                if reaching 1e-9 = reaching -1e-9 then
                    Expect.equal result.Data[i] (reaching 0.0) $"voxel {i}")
        test "scratch memory may be the input's own" {
            for shape, newShape in [ [| 9; 8; 7 |], [| 5; 6; 11 |]; [| 5; 6; 11 |], [| 9; 8; 7 |] ] do
                let input = Formula.unitSingle "scratch" (Array.reduce (*) shape)

                let resample (scratch: float32[]) =
                    let output: float32[] = Array.zeroCreate (Array.reduce (*) newShape)

                    Resampler.ResampleChannel(
                        input,
                        shape,
                        output,
                        newShape,
                        ones,
                        ones,
                        ofOrder 3,
                        2,
                        Memory scratch
                    )

                    output

                let expected = resample [||]
                Expect.equal (resample input) expected $"{shape} to {newShape}"
        }
        test "an unchanged shape returns the image itself" {
            let image = ImageArray<float32>(2, [| 3; 4; 5 |])

            let result =
                Resampler.ResampleImage(
                    image,
                    [| 3; 4; 5 |],
                    ones,
                    [| 2.0; 1.0; 1.0 |],
                    ResamplingSettings.DefaultData
                )

            Expect.isTrue (obj.ReferenceEquals(image, result)) "the same object"
        }
        test "order 4 and empty shapes are refused in one line" {
            let image = ImageArray<float32>(1, [| 3; 4; 5 |])

            let resample (settings: ResamplingSettings) (shape: int[]) () =
                Resampler.ResampleImage(image, shape, ones, ones, settings) |> ignore

            Expect.throwsT<UserException> (resample (ofOrder 4) [| 4; 4; 5 |]) "order 4"
            Expect.throwsT<UserException> (resample (ofOrder 3) [| 0; 4; 5 |]) "no slices"
        }
    ]
