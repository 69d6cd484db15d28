/// PNG and BMP.
module MedSegDsl.Tests.Runtime.Imaging.PictureTests

open System
open System.IO
open System.IO.Compression
open System.Text
open Expecto
open FsCheck
open SkiaSharp
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Tests.Runtime
open MedSegDsl.Tests.Runtime.Imaging.FormatFiles

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

let pictures =
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
