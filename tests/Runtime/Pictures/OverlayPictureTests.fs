/// Pictures of image, reference and prediction.
module MedSegDsl.Tests.Runtime.Pictures.OverlayPictureTests

open System
open System.IO
open Expecto
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Pictures
open MedSegDsl.Tests.Runtime
open SkiaSharp

/// One foreground voxel at the patient's upper right front: the last index of each axis.
let private corner (shape: int[]) =
    let map = ImageArray<int16>(1, shape)
    map.Data[map.Data.Length - 1] <- 1s
    map

let private orientation =
    testList "runtime/pictures/slices" [
        for plane in SlicePlane.All do
            test $"{plane.Name}: right, anterior and superior are left or above" {
                let shape = [| 3; 4; 5 |]
                let map = corner shape
                let slice = plane.Extract(map, 0, plane.Count shape - 1)
                let place = Array.IndexOf(slice, 1s)
                let struct (rows, columns) = plane.Size shape
                Expect.equal place 0 "the upper left corner"
                Expect.equal slice.Length (rows * columns) "the size"
                Expect.isTrue ("RAS".Contains plane.Sides[0] && "RAS".Contains plane.Sides[2]) "its letters"
                Expect.equal (plane.Choose map) (plane.Count shape - 1) "the slice with foreground"
            }
        test "without foreground it is the middle slice" {
            Expect.equal (SlicePlane.All[0].Choose(ImageArray<int16>(1, [| 9; 2; 2 |]))) 4 "slice 5 of 9"
        }
        test "every label counts by its own size" {
            // Slice 0: much of label 1 alone; slice 1: half as much of it, and all of the small label 2.
            let map = ImageArray<int16>([| 1s; 1s; 1s; 1s; 1s; 1s; 2s; 0s |], 1, [| 2; 2; 2 |])
            Expect.equal (SlicePlane.All[0].Choose map) 1 "the slice that shows both"
        }
    ]

let private window =
    testList "runtime/pictures/window" [
        test "the empty surrounding does not count" {
            let values = [|
                for i in 0..9999 ->
                    if i < 9000 then
                        0.0f
                    else
                        100.0f + float32 (i - 9000) / 10.0f
            |]

            let window = IntensityWindow.Of(ReadOnlySpan values)
            Expect.isTrue (window.Low > 100.0f && window.Low < 102.0f) $"low {window.Low}"
            Expect.isTrue (window.High > 198.0f && window.High < 200.0f) $"high {window.High}"
            Expect.equal (window.Grey 0.0f, window.Grey 500.0f) (0uy, 255uy) "clamped"
        }
        test "a constant image does not divide by zero" {
            Expect.equal ((IntensityWindow.Of(ReadOnlySpan [| 7.0f; 7.0f |])).Grey 7.0f) 0uy "black"
        }
    ]

/// What a dichromat sees (Viénot, Brettel and Mollon 1999), sRGB 0 to 255.
let private seenBy (matrix: float[][]) (colour: SKColor) =
    let linear =
        [| colour.Red; colour.Green; colour.Blue |]
        |> Array.map (fun c -> (float c / 255.0) ** 2.2)

    matrix
    |> Array.map (fun row ->
        255.0
        * (max 0.0 (Array.fold2 (fun sum a b -> sum + a * b) 0.0 row linear))
          ** (1.0 / 2.2))

let private palette =
    let identity = [| [| 1.0; 0.0; 0.0 |]; [| 0.0; 1.0; 0.0 |]; [| 0.0; 0.0; 1.0 |] |]
    let protanopia = [| [| 0.112; 0.888; 0.0 |]; [| 0.112; 0.888; 0.0 |]; [| 0.004; -0.004; 1.0 |] |]
    let deuteranopia = [| [| 0.292; 0.708; 0.0 |]; [| 0.292; 0.708; 0.0 |]; [| -0.022; 0.022; 1.0 |] |]

    testList "runtime/pictures/palette" [
        for name, vision in [ "full", identity; "without red", protanopia; "without green", deuteranopia ] ->
            test $"seven classes differ for readers with {name} vision" {
                for i in 0..6 do
                    for j in 0 .. i - 1 do
                        let a = seenBy vision (ClassPalette.Of i)
                        let b = seenBy vision (ClassPalette.Of j)
                        let distance = sqrt (Array.fold2 (fun sum x y -> sum + (x - y) ** 2.0) 0.0 a b)
                        Expect.isGreaterThan distance 25.0 $"classes {i} and {j}"
            }
    ]

let private block (shape: int[]) (first: int) (last: int) label =
    let map = ImageArray<int16>(1, shape)

    for z in first..last do
        for y in first..last do
            for x in first..last do
                map.Data[(z * shape[1] + y) * shape[2] + x] <- label

    map

let private shape = [| 20; 24; 28 |]

let private contentIn (slices: SliceChoice | null) (reference: ImageArray<int16> | null) =
    let image =
        ImageArray<float32>(Array.init (20 * 24 * 28) (fun i -> float32 (i % 97)), 1, shape)

    OverlayCase(
        "case",
        image,
        ImageGeometry.FromSpacing [| 2.5; 1.0; 1.0 |],
        block shape 5 12 2s,
        [|
            OverlayClass(1, "liver", Nullable 0.5)
            OverlayClass(2, "right_kidney", Nullable nan)
        |],
        Reference = reference,
        Slices = slices
    )

let private content = contentIn null

let private pixels file =
    use bitmap = nonNull (SKBitmap.Decode(file: string))
    bitmap.Width, bitmap.Height, bitmap.Pixels

/// The columns of pixels in which a colour occurs.
let private columnsOf (colour: SKColor) width (pixels: SKColor[]) =
    pixels
    |> Seq.indexed
    |> Seq.filter (fun (_, pixel) -> pixel = colour)
    |> Seq.map (fun (i, _) -> i % width)
    |> Set.ofSeq

let private picture =
    testList "runtime/pictures/overlay" [
        test "each map is drawn in its column, in the colour of its class" {
            TemporaryFolder.using' (fun folder ->
                let file = Path.Combine(folder, "case.png")
                OverlayPicture.Write(file, content (block shape 5 12 1s))
                let width, height, pixels = pixels file
                Expect.isTrue (width > 1300 && height > 500) $"{width} × {height} pixels"
                // The legend is to the right of the panels.
                let panels = Set.filter (fun x -> x < 1410)
                let reference = panels (columnsOf (ClassPalette.Of 0) width pixels)
                let prediction = panels (columnsOf (ClassPalette.Of 1) width pixels)
                Expect.isFalse (reference.IsEmpty || prediction.IsEmpty) "both are drawn"

                Expect.isLessThan
                    reference.MaximumElement
                    prediction.MinimumElement
                    "reference before prediction"

                Expect.isGreaterThan reference.MinimumElement 500 "nothing on the bare image")
        }
        test "without a reference there are two columns" {
            TemporaryFolder.using' (fun folder ->
                let three = Path.Combine(folder, "three.png")
                let two = Path.Combine(folder, "two.png")
                OverlayPicture.Write(three, content (block shape 5 12 1s))
                OverlayPicture.Write(two, content null)
                let wide, _, _ = pixels three
                let narrow, _, _ = pixels two
                Expect.isGreaterThan (wide - narrow) 400 "one panel less")
        }
        test "chosen slices are rows of their own" {
            TemporaryFolder.using' (fun folder ->
                let drawn plane numbers =
                    let file = Path.Combine(folder, $"{plane}.png")

                    OverlayPicture.Write(file, contentIn (SliceChoice(plane, numbers)) (block shape 5 12 1s))

                    pixels file

                // The block, in slices 6 to 13, is drawn by its slice alone.
                for plane in [ "axial"; "Coronal"; "sagittal" ] do
                    let width, one, inside = drawn plane [ 6 ]
                    let _, _, outside = drawn plane [ 5 ]
                    let _, three, _ = drawn plane [ 6; 13; 6; 20 ]

                    let reference =
                        columnsOf (ClassPalette.Of 0) width >> Set.filter (fun x -> x < 1410)

                    Expect.isFalse (reference inside).IsEmpty $"{plane} 6 has foreground"
                    Expect.isTrue (reference outside).IsEmpty $"{plane} 5 has none"
                    Expect.isGreaterThan three (2 * one) "three rows")
        }
        test "a choice of slices that are not there is refused" {
            TemporaryFolder.using' (fun folder ->
                let file = Path.Combine(folder, "case.png")

                let refuses words plane numbers =
                    TemporaryFolder.expectsLine words (fun () ->
                        OverlayPicture.Write(file, contentIn (SliceChoice(plane, numbers)) null))

                refuses [ "case"; "axial slice 21, 99"; "1 to 20" ] "axial" [ 20; 21; 99 ]
                refuses [ "coronal slice 25"; "1 to 24" ] "coronal" [ 25 ]
                refuses [ "0 is no slice"; "from 1" ] "axial" [ 3; 0 ]
                refuses [ "no slice is chosen" ] "axial" []
                refuses [ "oblique"; "axial, coronal or sagittal" ] "oblique" [ 1 ]

                let flat = ImageArray<float32>(1, [| 1; 4; 5 |])
                let map = ImageArray<int16>(1, [| 1; 4; 5 |])
                let geometry = ImageGeometry.FromSpacing [| 1.0; 1.0; 1.0 |]

                let case =
                    OverlayCase("flat", flat, geometry, map, [||], Slices = SliceChoice("coronal", [ 1 ]))

                TemporaryFolder.expectsLine [ "flat"; "coronal"; "axial" ] (fun () ->
                    OverlayPicture.Write(file, case))

                Expect.isFalse (File.Exists file) "nothing is written")
        }
        test "a map of another shape is refused" {
            TemporaryFolder.using' (fun folder ->
                let other = ImageArray<int16>(1, [| 2; 3; 4 |])

                TemporaryFolder.expectsLine [ "2 × 3 × 4"; "20 × 24 × 28" ] (fun () ->
                    OverlayPicture.Write(Path.Combine(folder, "case.png"), content other)))
        }
    ]

let tests = testList "" [ orientation; window; palette; picture ]
