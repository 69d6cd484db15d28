module MedSegDsl.Tests.Runtime.Imaging.FormatTests

open System
open System.IO
open System.IO.Compression
open System.Text
open Expecto
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Files
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Tests.Runtime
open MedSegDsl.Tests.Runtime.Imaging.FormatFiles

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
    testList "runtime/formats" [
        readsItk
        writesItk
        headers
        TiffTests.tiffs
        PictureTests.pictures
        choice
    ]
