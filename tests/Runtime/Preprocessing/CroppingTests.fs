module MedSegDsl.Tests.Runtime.Preprocessing.CroppingTests

open System
open System.Collections.Generic
open System.Text.Json
open Expecto
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Preprocessing
open MedSegDsl.Tests.Golden

let private boxes (element: JsonElement) =
    match element.ValueKind with
    | JsonValueKind.Null -> None
    | _ -> Some [ for axis in element.EnumerateArray() -> Expectations.ints axis ]

let private inside (box: int[] list) (voxel: int list) =
    List.forall2 (fun (axis: int[]) i -> axis[0] <= i && i < axis[1]) box voxel

let private voxels (shape: int list) = [
    for z in 0 .. shape[0] - 1 do
        for y in 0 .. shape[1] - 1 do
            for x in 0 .. shape[2] - 1 -> [ z; y; x ]
]

/// The image of unit/crop.json: values above a threshold, or a box without its hole.
let private image (case: JsonElement) =
    let shape = Expectations.intList (case.GetProperty "shape")
    let u = Formula.unit (string (case.GetProperty "key")) (Formula.count shape)

    let values =
        match case.GetProperty "threshold" with
        | t when t.ValueKind = JsonValueKind.Number ->
            u |> Array.map (fun v -> if v > t.GetDouble() then v else 0.0)
        | _ ->
            let box = (boxes (case.GetProperty "box")).Value
            let hole = boxes (case.GetProperty "hole")

            let mask = [|
                for voxel in voxels shape.Tail ->
                    inside box voxel && not (hole |> Option.exists (fun h -> inside h voxel))
            |]

            u |> Array.mapi (fun i v -> if mask[i % mask.Length] then v + 2.0 else 0.0)

    ImageArray(Array.map float32 values, shape.Head, Array.ofList shape.Tail)

let private segmentation (case: JsonElement) (shape: int[]) =
    let labels =
        Formula.labels (string (case.GetProperty "key") + "/seg") (1 :: List.ofArray shape) 4

    ImageArray(labels |> Array.map (fun l -> int16 (l / 2)), 1, shape)

let golden =
    let file = Folder.at [ "pipeline"; "unit"; "crop.json" ]

    testList "golden/pipeline/unit/crop" [
        if IO.File.Exists file then
            for case in (Folder.read file).GetProperty("cases").EnumerateArray() ->
                test (string (case.GetProperty "key")) {
                    let image = image case
                    let segmented = Cropping.CropToNonzero(image, segmentation case image.Shape)
                    let bare = Cropping.CropToNonzero(image, null)
                    Expect.equal (List.ofArray segmented.Box) (boxes (case.GetProperty "bbox")).Value "box"
                    Expect.equal bare.Box segmented.Box "the box without a segmentation"
                    let shapeOf (a: ImageArray<_>) = Seq.append [ a.Channels ] a.Shape

                    Expectations.matchesFloats
                        1e-7
                        (case.GetProperty "data")
                        (shapeOf segmented.Image)
                        (Array.map float segmented.Image.Data)
                        "image"

                    let labels (name: string) (result: CroppedCase) =
                        let values = Array.map int result.Segmentation.Data
                        let crc = case.GetProperty(name).GetProperty("crc32").GetUInt32()

                        Expectations.matchesLabels
                            (case.GetProperty name)
                            (shapeOf result.Segmentation)
                            values
                            name

                        Expect.equal (Expectations.crc32 values) crc $"{name}: every voxel"

                    labels "seg" segmented
                    labels "seg_without_input" bare
                }
    ]

/// The same definition voxel by voxel: zero voxels reached by faces from outside.
let private outside (shape: int[]) (nonzero: bool[]) =
    let reached = Array.create nonzero.Length false
    let queue = Queue<int * int * int>()

    let visit (z, y, x) =
        let i = (z * shape[1] + y) * shape[2] + x

        if not nonzero[i] && not reached[i] then
            reached[i] <- true
            queue.Enqueue((z, y, x))

    let within (z, y, x) =
        z >= 0 && y >= 0 && x >= 0 && z < shape[0] && y < shape[1] && x < shape[2]

    let neighbours (z, y, x) = [
        z - 1, y, x
        z + 1, y, x
        z, y - 1, x
        z, y + 1, x
        z, y, x - 1
        z, y, x + 1
    ]

    for voxel in voxels (List.ofArray shape) do
        let position = voxel[0], voxel[1], voxel[2]

        if not (List.forall within (neighbours position)) then
            visit position

    while queue.Count > 0 do
        for neighbour in neighbours (queue.Dequeue()) do
            if within neighbour then
                visit neighbour

    reached

let tests =
    testList "runtime/preprocessing/cropping" [
        testProperty
            "the outside of random masks is what a plain flood fill finds"
            (fun (seed: int) (sparse: bool) ->
                let random = Random seed
                let shape = Array.init 3 (fun _ -> random.Next(1, 9))

                let data =
                    Array.init (Array.reduce (*) shape * 2) (fun _ ->
                        if random.NextDouble() < (if sparse then 0.1 else 0.35) then
                            1.0f
                        else
                            0.0f)

                let image = ImageArray(data, 2, shape)
                let voxels = image.VoxelCount

                let expected =
                    outside shape (Array.init voxels (fun i -> data[i] <> 0f || data[voxels + i] <> 0f))

                let actual = Array.create voxels false
                NonzeroMask.ForEachOutsideRun(image, fun start length -> Array.fill actual start length true)
                Expect.equal actual expected "outside")
        test "an empty image keeps its whole volume, all outside" {
            let result = Cropping.CropToNonzero(ImageArray<float32>(1, [| 2; 3; 4 |]), null)
            Expect.equal result.Box [| [| 0; 2 |]; [| 0; 3 |]; [| 0; 4 |] |] "box"
            Expect.isTrue (result.Segmentation.Data |> Array.forall ((=) -1s)) "all -1"
        }
        test "the caller's segmentation stays as it was" {
            let given = ImageArray<int16>(1, [| 2; 2; 2 |])
            Cropping.CropToNonzero(ImageArray<float32>(1, [| 2; 2; 2 |]), given) |> ignore
            Expect.isTrue (given.Data |> Array.forall ((=) 0s)) "unchanged"
        }
        test "NaN counts as nonzero" {
            let image = ImageArray<float32>(1, [| 1; 3; 3 |])
            image.Data[4] <- nanf
            Expect.equal (NonzeroMask.Box image) [| [| 0; 1 |]; [| 1; 2 |]; [| 1; 2 |] |] "box"
        }
    ]
