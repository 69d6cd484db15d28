module MedSegDsl.Tests.Runtime.Imaging.TiffTests

open System
open System.IO
open Expecto
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Tests.Runtime
open MedSegDsl.Tests.Runtime.Imaging.FormatFiles

let page width height samples bits format pixels : TiffBytes.Page = {
    Width = width
    Height = height
    Samples = samples
    Bits = bits
    Format = format
    Pixels = pixels
}

let tiffs =
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
