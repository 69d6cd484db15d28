module MedSegDsl.Tests.Runtime.Imaging.FormatTests

open System
open System.IO
open System.IO.Compression
open System.Text
open Expecto
open FsCheck
open SkiaSharp
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Files
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Tests.Experiments
open MedSegDsl.Tests.Runtime

let private fixture name =
    Path.Combine(RunProgram.checkout.Value, "tests", "Runtime", "Imaging", "images", name)

let private itk = ImageReaders.ByName "SimpleITKIO"
let private tiff = ImageReaders.ByName "Tiff3DIO"
let private natural = ImageReaders.ByName "NaturalImage2DIO"

let private flat (affine: float[,]) = [ for value in Seq.cast<float> affine -> value ]

let private sameAffine (a: ImageGeometry) (b: ImageGeometry) message =
    for x, y in List.zip (flat a.Affine) (flat b.Affine) do
        Expect.floatClose { absolute = 1e-5; relative = 1e-6 } x y message

let private put folder (name: string) (content: byte[]) =
    let file = Path.Combine(folder, name)
    File.WriteAllBytes(file, content)
    file

let private refuses words action =
    TemporaryFolder.expectsLine words (fun () -> action () |> ignore)

/// A label map with these values, repeated.
let private labels (shape: int[]) (values: int16 list) =
    let count = Array.fold (*) 1 shape
    ImageArray<int16>(Array.init count (fun i -> values[i % values.Length]), 1, shape)

let private readsItk =
    testList "ITK's own files" [
        for ending in [ "nrrd"; "mha"; "mhd" ] do
            test ending {
                let expected = itk.Read(fixture "itk.nii")
                let found = itk.Read(fixture $"itk.{ending}")
                Expect.equal found.Voxels.Shape [| 5; 6; 7 |] "shape"
                Expect.equal found.Voxels.Data expected.Voxels.Data "voxels"
                Expect.equal found.Geometry.Spacing [| 3.25; 2.0; 1.5 |] "spacing"
                sameAffine found.Geometry expected.Geometry "affine"
                let seen = ImageInspection.Of(fixture $"itk.{ending}")
                Expect.equal seen.StoredType "int16" "stored type"
                Expect.equal seen.Maximum (float (Array.max expected.Voxels.Data)) "maximum"
            }
    ]

let private writesItk =
    testList "written and read again" [
        for ending in [ "nrrd"; "mha"; "mhd" ] do
            test ending {
                TemporaryFolder.using' (fun folder ->
                    let source = itk.Read(fixture $"itk.{ending}")
                    let file = Path.Combine(folder, $"case.{ending}")

                    for values in [ [ 0s; 3s; 254s ]; [ 0s; 255s; 1000s ] ] do
                        let map = labels source.Voxels.Shape values
                        itk.WriteLabels(file, map, source.Geometry)
                        let again = itk.ReadLabels file
                        Expect.equal again.Voxels.Data map.Data "labels"

                        Expect.equal
                            (flat again.Geometry.Affine)
                            (flat source.Geometry.Affine)
                            "the very same geometry"

                        Expect.equal
                            (ImageInspection.Of file).StoredType
                            (if List.max values < 255s then "uint8" else "uint16")
                            "type"

                    let image = Path.Combine(folder, $"image.{ending}")
                    itk.Write(image, source.Voxels, source.Geometry)
                    Expect.equal (itk.Read image).Voxels.Data source.Voxels.Data "image"

                    itk.Write(
                        image,
                        source.Voxels,
                        ImageGeometry(source.Geometry.Spacing, source.Geometry.Affine)
                    )

                    sameAffine (itk.Read image).Geometry source.Geometry "from the affine alone")
            }

        test "a 2D image is a thick slice and is written as 2D" {
            TemporaryFolder.using' (fun folder ->
                let header =
                    "NRRD0004\ntype: uchar\ndimension: 2\nsizes: 3 2\nspace dimension: 2\nspace directions: (0.5,0) (0,0.25)\nspace origin: (7,8)\nencoding: raw\n\n"

                let file =
                    put folder "a.nrrd" (Array.append (Encoding.ASCII.GetBytes header) [| 1uy .. 6uy |])

                let image = itk.ReadLabels file
                Expect.equal image.Voxels.Shape [| 1; 2; 3 |] "shape"
                Expect.equal image.Geometry.Spacing [| 499.5; 0.25; 0.5 |] "spacing"

                for ending in [ "nrrd"; "mha" ] do
                    let written = Path.Combine(folder, $"b.{ending}")
                    itk.WriteLabels(written, image.Voxels, image.Geometry)
                    let again = itk.ReadLabels written
                    Expect.equal again.Voxels.Data image.Voxels.Data "labels"
                    Expect.equal again.Geometry.Spacing image.Geometry.Spacing "spacing"

                    Expect.stringContains
                        (Encoding.Latin1.GetString(File.ReadAllBytes written))
                        (if ending = "mha" then "NDims = 2" else "dimension: 2")
                        "2D")
        }
    ]

/// A NRRD file of 2 × 3 × 2 voxels with these lines in its header.
let private nrrd (kind: string) lines (data: byte[]) =
    let text =
        String.concat
            "\n"
            ([ "NRRD0004"; "# comment"; $"type: {kind}"; "dimension: 3"; "sizes: 2 3 2" ]
             @ lines)

    Array.append (Encoding.ASCII.GetBytes(text + "\n\n")) data

let private gzip (data: byte[]) =
    use memory = new MemoryStream()
    using (new GZipStream(memory, CompressionLevel.Fastest)) (fun stream -> stream.Write data)
    memory.ToArray()

let private headers =
    testList "headers" [
        test "spaces, spacings, byte order, compression" {
            TemporaryFolder.using' (fun folder ->
                let values = [| for i in 0..11 -> int16 (i * 1000 - 500) |]

                let big = values |> Array.collect (fun v -> Array.rev (BitConverter.GetBytes v))

                let directions = "space directions: (2,0,0) (0,3,0) (0,0,4)"

                let affine space =
                    let file =
                        put
                            folder
                            "a.nrrd"
                            (nrrd
                                "short"
                                [
                                    $"space: {space}"
                                    directions
                                    "space origin: (1,2,3)"
                                    "endian: big"
                                    "encoding: gzip"
                                ]
                                (gzip big))

                    let image = itk.Read file
                    Expect.equal image.Voxels.Data (Array.map float32 values) "voxels"
                    Expect.equal image.Geometry.Spacing [| 4.0; 3.0; 2.0 |] "spacing"
                    flat image.Geometry.Affine

                let diagonal x y ox oy = [ x; 0.; 0.; ox; 0.; y; 0.; oy; 0.; 0.; 4.; 3.; 0.; 0.; 0.; 1. ]
                Expect.equal (affine "left-posterior-superior") (diagonal -2. -3. -1. -2.) "LPS"
                Expect.equal (affine "right-anterior-superior") (diagonal 2. 3. 1. 2.) "RAS"
                Expect.equal (affine "LAS") (diagonal -2. 3. -1. 2.) "LAS"

                let plain =
                    put
                        folder
                        "b.nrrd"
                        (nrrd "uint8" [ "spacings: 2 3 nan"; "encoding: raw" ] [| 0uy .. 11uy |])

                Expect.equal (itk.Read plain).Geometry.Spacing [| 1.0; 3.0; 2.0 |] "spacings")
        }
        test "what is wrong with a file" {
            TemporaryFolder.using' (fun folder ->
                let bad (name: string) content words =
                    let file = put folder name content
                    refuses (file :: words) (fun () -> itk.Read file)

                let raw = [ "encoding: raw" ]
                bad "a.nrrd" (nrrd "uchar" raw [| 0uy .. 10uy |]) [ "12 bytes"; "11" ]
                bad "b.nrrd" (nrrd "uchar" [ "encoding: gzip" ] (gzip [| 0uy .. 10uy |])) [ "truncated" ]
                bad "c.nrrd" (nrrd "uchar" [ "encoding: bzip2" ] [||]) [ "bzip2" ]
                bad "d.nrrd" (nrrd "block" raw [| 0uy .. 11uy |]) [ "block" ]
                bad "e.nrrd" (nrrd "short" raw (Array.zeroCreate 24)) [ "endian" ]

                bad "f.nrrd" (nrrd "uchar" [ "kinds: RGB-color domain domain"; "encoding: raw" ] [||]) [
                    "RGB-color"
                ]

                bad "g.nrrd" [| 1uy; 2uy |] [ "header does not end" ]

                let terabyte =
                    Encoding.ASCII
                        .GetString(nrrd "uchar" [ "encoding: gzip" ] [||])
                        .Replace("2 3 2", "9999 9999 20")

                bad "h.nrrd" (Encoding.ASCII.GetBytes terabyte) [ "1999600020 bytes" ]

                let four =
                    Encoding.ASCII.GetString(nrrd "uchar" raw [||]).Replace("dimension: 3", "dimension: 4")

                bad "i.nrrd" (Encoding.ASCII.GetBytes four) [ "4 dimensions" ]

                let meta lines =
                    Encoding.ASCII.GetBytes(String.concat "\n" (lines @ [ "ElementDataFile = LOCAL"; "" ]))

                let usual = [ "NDims = 3"; "DimSize = 2 3 2"; "ElementType = MET_UCHAR" ]
                bad "a.mha" (meta usual) [ "12 bytes" ]
                bad "b.mha" (meta ("ElementNumberOfChannels = 3" :: usual)) [ "3 channels" ]
                bad "c.mha" (meta [ "NDims = 3"; "DimSize = 2 3 2" ]) [ "ElementType" ]
                bad "d.mha" (meta ("Offset = 1 2" :: usual)) [ "Offset" ]

                bad
                    "e.mhd"
                    (Encoding.ASCII.GetBytes(String.concat "\n" (usual @ [ "ElementDataFile = e.raw"; "" ])))
                    [ "e.raw"; "missing" ]

                refuses [ "nowhere.mha"; "no such file" ] (fun () ->
                    itk.Read(Path.Combine(folder, "nowhere.mha")))

                let floats =
                    put
                        folder
                        "f.nrrd"
                        (nrrd
                            "float"
                            [ "endian: little"; "encoding: raw" ]
                            (Array.collect
                                (fun (v: float32) -> BitConverter.GetBytes v)
                                (Array.create 12 0.5f)))

                refuses [ "f.nrrd"; "0.5" ] (fun () -> itk.ReadLabels floats))
        }
    ]

let private page width height samples bits format pixels : TiffBytes.Page = {
    Width = width
    Height = height
    Samples = samples
    Bits = bits
    Format = format
    Pixels = pixels
}

let private tiffs =
    testList "TIFF" [
        for bigEndian in [ false; true ] do
            test $"stacks of every type, big-endian {bigEndian}" {
                TemporaryFolder.using' (fun folder ->
                    let check bits format (bytes: int -> byte[]) (value: int -> float32) =
                        let pages = [
                            for z in 0..2 ->
                                page
                                    3
                                    2
                                    1
                                    bits
                                    format
                                    (Array.collect (fun i -> bytes (6 * z + i)) [| 0..5 |])
                        ]

                        let image = tiff.Read(put folder "a_0000.tif" (TiffBytes.bytes bigEndian pages))
                        Expect.equal image.Voxels.Shape [| 3; 2; 3 |] "shape"
                        Expect.equal image.Voxels.Data (Array.init 18 value) $"{bits} bits, format {format}"

                    check 8 1 (fun i -> [| byte (i + 200) |]) (fun i -> float32 (i + 200))
                    check 8 2 (fun i -> [| byte (sbyte (i - 9)) |]) (fun i -> float32 (i - 9))

                    check 16 1 (fun i -> BitConverter.GetBytes(uint16 (i + 60000))) (fun i ->
                        float32 (i + 60000))

                    check 16 2 (fun i -> BitConverter.GetBytes(int16 (i - 1000))) (fun i ->
                        float32 (i - 1000))

                    check 32 2 (fun i -> BitConverter.GetBytes(i - 100000)) (fun i -> float32 (i - 100000))
                    check 32 3 (fun i -> BitConverter.GetBytes(float32 i / 3f)) (fun i -> float32 i / 3f)

                    check 64 3 (fun i -> BitConverter.GetBytes(float i / 3.0)) (fun i ->
                        float32 (float i / 3.0)))
            }

        test "the spacing stands beside the file" {
            TemporaryFolder.using' (fun folder ->
                let pages = List.replicate 2 (page 3 2 1 8 1 [| 0uy .. 5uy |])
                let image = put folder "case_0000.tif" (TiffBytes.bytes false pages)
                Expect.equal (tiff.Read image).Geometry.Spacing [| 1.0; 1.0; 1.0 |] "without a file"

                TemporaryFolder.write folder [ "case.json" ] """{"spacing": [3.5, 0.5, 0.25]}"""
                |> ignore

                let read = tiff.Read image
                Expect.equal read.Geometry.Spacing [| 3.5; 0.5; 0.25 |] "with one"

                for shape, values in [ [| 2; 2; 3 |], [ 0s; 7s ]; [| 1; 2; 3 |], [ 0s; 300s ] ] do
                    let file = Path.Combine(folder, "out", "case.tif")
                    tiff.WriteLabels(file, labels shape values, read.Geometry)
                    let again = tiff.ReadLabels file
                    Expect.equal again.Voxels.Data (labels shape values).Data "labels"
                    Expect.equal again.Voxels.Shape shape "also a stack of one"
                    Expect.equal again.Geometry.Spacing [| 3.5; 0.5; 0.25 |] "spacing"

                TemporaryFolder.write folder [ "case.json" ] """{"spacing": [3.5, 0, 0.25]}"""
                |> ignore

                refuses [ "case.json"; "spacing" ] (fun () -> tiff.Read image))
        }
        test "pictures and stacks are told apart as nnU-Net does" {
            TemporaryFolder.using' (fun folder ->
                let stack =
                    put
                        folder
                        "stack_0000.tif"
                        (TiffBytes.bytes false (List.replicate 2 (page 3 2 1 8 1 [| 0uy .. 5uy |])))

                let picture =
                    put
                        folder
                        "picture_0000.tif"
                        (TiffBytes.bytes false [ page 3 2 3 8 1 [| 0uy .. 17uy |] ])

                Expect.equal (ImageReaders.ForEnding(".tif", stack)).Name "Tiff3DIO" "a stack"
                Expect.equal (ImageReaders.ForEnding(".tif", picture)).Name "NaturalImage2DIO" "a picture"

                Expect.equal
                    (ImageReaders.ForEnding(".tif", null)).Name
                    "NaturalImage2DIO"
                    "without an example"

                let image = natural.Read picture

                Expect.equal
                    (image.Voxels.Channels, image.Voxels.Shape)
                    (3, [| 1; 2; 3 |])
                    "colours are channels"

                Expect.equal
                    image.Voxels.Data
                    [|
                        for c in 0..2 do
                            for i in 0..5 -> float32 (3 * i + c)
                    |]
                    "one after the other"

                Expect.equal image.Geometry.Spacing [| 999.0; 1.0; 1.0 |] "spacing"
                refuses [ "stack_0000.tif"; "2 pages" ] (fun () -> natural.Read stack)
                refuses [ "picture_0000.tif" ] (fun () -> tiff.Read picture)
                Expect.equal (ImageInspection.Of stack).Shape [| 2; 2; 3 |] "inspect looks at stacks"
                Expect.equal (ImageInspection.Of picture).Channels 3 "and at pictures")
        }
        test "what is wrong with a file" {
            TemporaryFolder.using' (fun folder ->
                let good =
                    TiffBytes.bytes false (List.replicate 2 (page 3 2 1 8 1 [| 0uy .. 5uy |]))

                let bad name content words =
                    let file = put folder name content
                    refuses (file :: words) (fun () -> tiff.Read file)

                bad "a.tif" [| 1uy .. 40uy |] [ "no TIFF file" ]
                bad "b.tif" good[..11] []

                bad
                    "c.tif"
                    (TiffBytes.bytes false [
                        page 3 2 1 8 1 [| 0uy .. 5uy |]
                        page 2 3 1 8 1 [| 0uy .. 5uy |]
                    ])
                    [ "page 2" ]

                refuses [ "no such file" ] (fun () -> tiff.Read(Path.Combine(folder, "d.tif"))))
        }
    ]

let private png (kind: SKColorType) alpha (pixels: byte[]) =
    use image = SKImage.FromPixelCopy(SKImageInfo(3, 2, kind, alpha), pixels)
    use encoded = image.Encode(SKEncodedImageFormat.Png, 100)
    encoded.ToArray()

/// A PNG picture of one gray pixel of 16 bits, chunk by chunk (w3.org/TR/png-3).
let private sixteenBits =
    let crc (bytes: byte[]) =
        let step (value: uint32) _ =
            if value &&& 1u = 1u then
                (value >>> 1) ^^^ 0xEDB88320u
            else
                value >>> 1

        ~~~(Array.fold (fun sum (b: byte) -> Seq.fold step (sum ^^^ uint32 b) [ 1..8 ]) 0xFFFFFFFFu bytes)

    let number (value: uint32) = Array.rev (BitConverter.GetBytes value)

    let chunk (name: string) (data: byte[]) =
        let named = Array.append (Encoding.ASCII.GetBytes name) data
        Array.concat [ number (uint32 data.Length); named; number (crc named) ]

    use packed = new MemoryStream()
    using (new ZLibStream(packed, CompressionLevel.Fastest)) (fun stream -> stream.Write [| 0uy; 1uy; 2uy |])

    Array.concat [
        [| 0x89uy; 0x50uy; 0x4Euy; 0x47uy; 13uy; 10uy; 26uy; 10uy |]
        chunk "IHDR" (Array.append (Array.append (number 1u) (number 1u)) [| 16uy; 0uy; 0uy; 0uy; 0uy |])
        chunk "IDAT" (packed.ToArray())
        chunk "IEND" [||]
    ]

let private pictures =
    testList "PNG and BMP" [
        test "gray, colours, transparency" {
            TemporaryFolder.using' (fun folder ->
                let gray =
                    put
                        folder
                        "gray.png"
                        (png SKColorType.Gray8 SKAlphaType.Opaque [| 0uy; 1uy; 17uy; 128uy; 254uy; 255uy |])

                Expect.equal (natural.Read gray).Voxels.Data [| 0f; 1f; 17f; 128f; 254f; 255f |] "gray"

                let rgba = [|
                    for i in 0..5 do
                        yield! [| byte (40 * i); byte (255 - i); byte (3 * i); byte (50 * i + 5) |]
                |]

                let colours =
                    put folder "rgba.png" (png SKColorType.Rgba8888 SKAlphaType.Unpremul rgba)

                let image = natural.Read colours
                Expect.equal image.Voxels.Channels 4 "channels"

                Expect.equal
                    image.Voxels.Data
                    [|
                        for c in 0..3 do
                            for i in 0..5 -> float32 rgba[4 * i + c]
                    |]
                    "unchanged by transparency"

                let opaque = rgba |> Array.mapi (fun i v -> if i % 4 = 3 then 255uy else v)

                let rgb =
                    natural.Read(put folder "rgb.png" (png SKColorType.Rgba8888 SKAlphaType.Opaque opaque))

                Expect.equal rgb.Voxels.Channels 3 "no transparency"
                refuses [ "rgba.png"; "4 channels" ] (fun () -> natural.ReadLabels colours))
        }
        for ending in [ "png"; "bmp"; "tif" ] do
            testProperty $"labels in .{ending}" (fun (values: NonEmptyArray<byte>) (width: PositiveInt) ->
                TemporaryFolder.using' (fun folder ->
                    let width = 1 + width.Get % 9
                    let height = 1 + values.Get.Length / width
                    let map = labels [| 1; height; width |] [ for v in values.Get -> int16 v ]
                    let file = Path.Combine(folder, $"case.{ending}")
                    natural.WriteLabels(file, map, ImageGeometry.FromSpacing [| 999.0; 1.0; 1.0 |])
                    let again = natural.ReadLabels file
                    Expect.equal again.Voxels.Shape map.Shape "shape"
                    Expect.equal again.Voxels.Data map.Data "labels"))
        test "what cannot be read or written" {
            TemporaryFolder.using' (fun folder ->
                let good = png SKColorType.Gray8 SKAlphaType.Opaque [| 0uy .. 5uy |]

                let bad name content words =
                    let file = put folder name content
                    refuses (file :: words) (fun () -> natural.Read file)

                bad "a.png" [| 1uy .. 40uy |] [ "no PNG or BMP" ]
                bad "b.png" good[.. good.Length / 2] []

                bad "d.png" sixteenBits [ "16 bits" ]

                refuses [ "300"; "8 bits" ] (fun () ->
                    natural.WriteLabels(
                        Path.Combine(folder, "c.png"),
                        labels [| 1; 1; 1 |] [ 300s ],
                        ImageGeometry.FromSpacing [| 999.0; 1.0; 1.0 |]
                    ))

                Expect.isFalse (File.Exists(Path.Combine(folder, "c.png"))) "nothing is written")
        }
    ]

let private choice =
    testList "the reader" [
        test "follows dataset.json, else the ending in nnU-Net's order" {
            let json ending reader =
                let text =
                    $"""{{"channel_names": {{"0": "T1"}}, "labels": {{"background": 0, "a": 1}}, "numTraining": 1, "file_ending": "{ending}"{reader}}}"""

                DatasetJson(PythonJson.Parse(text, "dataset.json").AsObject(), "dataset.json")

            for ending, expected in
                [
                    ".png", "NaturalImage2DIO"
                    ".bmp", "NaturalImage2DIO"
                    ".tif", "NaturalImage2DIO"
                    ".nii.gz", "SimpleITKIO"
                    ".nrrd", "SimpleITKIO"
                    ".MHA", "SimpleITKIO"
                    ".tiff", "Tiff3DIO"
                    ".nii", "NibabelIO"
                ] do
                Expect.equal (ImageReaders.For(json ending "", null)).Name expected ending

            let named =
                json ".nii.gz" ", \"overwrite_image_reader_writer\": \"NibabelIOWithReorient\""

            Expect.equal (ImageReaders.For(named, null)).Name "NibabelIOWithReorient" "named"
            refuses [ ".gipl"; ".nrrd" ] (fun () -> ImageReaders.For(json ".gipl" "", null))
        }
    ]

let tests =
    testList "runtime/formats" [ readsItk; writesItk; headers; tiffs; pictures; choice ]
