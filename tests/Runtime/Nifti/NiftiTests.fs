module MedSegDsl.Tests.Runtime.NiftiTests

open System
open System.IO
open Expecto
open FsCheck
open FsCheck.FSharp
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Nifti
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime
open MedSegDsl.Tests.Runtime.NiftiBytes

let private nibabel = ImageReaders.ByName "NibabelIO"

let private rows (affine: float[,]) = [ for i in 0..11 -> affine[i / 4, i % 4] ]

let private golden =
    let file = Folder.at [ "pipeline"; "raw_files.json" ]

    testList "golden/raw files" [
        if File.Exists file then
            for entry in (Folder.read file).EnumerateObject() do
                let path = Folder.at [ "pipeline"; "raw"; entry.Name ]

                if File.Exists path then
                    test entry.Name {
                        let expected = entry.Value
                        let header, _ = (NiftiFile.ReadHeader path).ToTuple()

                        Expect.equal
                            header.Shape
                            (Expectations.ints (expected.GetProperty "file_shape_xyz"))
                            "shape on disk"

                        Expect.equal
                            (header.Type.NumpyName())
                            (string (expected.GetProperty("stored_dtype").GetString()))
                            "stored type"

                        let image = nibabel.Read path

                        Expect.equal
                            image.Geometry.Spacing
                            (Expectations.numbers (expected.GetProperty "spacing_zyx"))
                            "spacing"

                        let affine = [
                            for row in expected.GetProperty("affine").EnumerateArray() do
                                yield! Expectations.numbers row
                        ]

                        for a, e in List.zip (rows image.Geometry.Affine) (List.take 12 affine) do
                            Expectations.close 1e-8 (abs e) e a "affine"

                        let array = expected.GetProperty "array"
                        let inspected = ImageInspection.Of path
                        Expect.equal inspected.Shape image.Voxels.Shape "inspected shape"

                        match array.TryGetProperty "mean" with
                        | true, _ ->
                            let values = Array.map float image.Voxels.Data
                            Expectations.matchesFloats 1e-7 array image.Voxels.Shape values "voxels"

                            for name, actual in
                                [ "min", inspected.Minimum; "max", inspected.Maximum; "mean", inspected.Mean ] do
                                let e = Expectations.number (array.GetProperty name)
                                Expectations.close 1e-7 (abs e) e actual $"inspected {name}"
                        | _ ->
                            let labels = (nibabel.ReadLabels path).Voxels.Data
                            Expect.equal (Array.map float32 labels) image.Voxels.Data "labels as an image"
                            let crc = Expectations.crc32 (Array.map int labels)
                            Expect.equal crc (array.GetProperty("crc32").GetUInt32()) "labels"

                            let counts = [
                                for p in array.GetProperty("counts").EnumerateObject() ->
                                    int p.Name, p.Value.GetInt64()
                            ]

                            Expect.equal
                                [ for pair in nonNull inspected.Labels -> pair.Key, pair.Value ]
                                counts
                                "inspected labels"
                    }
    ]

/// A random volume of any type, version and byte order.
let private volumes = gen {
    let! code, _, low, high = Gen.elements scalarTypes
    let! version = Gen.elements [ 1; 2 ]
    let! big = Gen.elements [ false; true ]
    let! shape = Gen.listOfLength 3 (Gen.choose (1, 7))
    let! numbers = Gen.arrayOfLength (List.fold (*) 1 shape) (Gen.choose (0, 1000000))
    let! compressed = Gen.elements [ false; true ]
    let! extension = Gen.elements [ 0; 16; 6000 ]
    let! slope, inter = Gen.elements [ 0.0, 5.0; 1.0, 0.0; 0.5, -1024.0; nan, 3.0 ]

    let spread n =
        let value = low + (high - low) * float n / 1000000.0

        if code = 16 || code = 64 then
            float (float32 value)
        else
            floor value

    return
        {
            volume code shape (Array.map spread numbers) with
                Version = version
                BigEndian = big
                Slope = slope
                Inter = inter
                Extension = Array.zeroCreate extension
                Pixdim = [ 1.0; 0.7; 0.8; 2.5 ]
        },
        compressed
}

let private config = {
    FsCheckConfig.defaultConfig with
        maxTest = 60
}

let private reading =
    testList "runtime/nifti/reading" [
        testPropertyWithConfig config "every type, version and byte order"
        <| Prop.forAll (Arb.fromGen volumes) (fun (n, compressed) ->
            TemporaryFolder.using' (fun folder ->
                let content = bytes n
                let path = save folder "v.nii" (if compressed then gzip content else content)
                let image = nibabel.Read path

                let scale, shift =
                    if n.Slope = 0.0 || Double.IsNaN n.Slope then
                        1.0, 0.0
                    else
                        n.Slope, n.Inter

                Expect.equal (Array.rev image.Voxels.Shape |> Array.map int64 |> List.ofArray) n.Dim "shape"

                Expect.equal
                    image.Voxels.Data
                    (n.Values |> Array.map (fun v -> float32 (v * scale + shift)))
                    "values"

                let widened (v: float) =
                    if n.Version = 1 then float (float32 v) else v

                Expect.equal image.Geometry.Spacing (Array.map widened [| 2.5; 0.8; 0.7 |]) "spacing"))

        // The affines of all these headers were printed by nibabel.
        test "affine from sform" {
            let rows12 = [ 0.0; -2.0; 0.0; 10.0; 1.0; 0.0; 0.0; -20.5; 0.0; 0.0; 3.0; 7.25 ]

            let n = {
                volume 2 [ 2; 2; 2 ] (Array.zeroCreate 8) with
                    SForm = 1, rows12
                    QForm = 1, [ 1.0; 0.0; 0.0; 5.0; 5.0; 5.0 ]
            }

            TemporaryFolder.using' (fun folder ->
                Expect.equal
                    (rows (nibabel.Read(save folder "a.nii" (bytes n))).Geometry.Affine)
                    rows12
                    "sform before qform")
        }
        test "affine from qform" {
            let n = {
                volume 2 [ 2; 2; 2 ] (Array.zeroCreate 8) with
                    QForm = 1, [ 0.1; -0.2; 0.3; 5.0; -6.0; 7.5 ]
                    Pixdim = [ -1.0; 0.5; 0.75; 3.0 ]
                    Version = 2
            }

            let expected = [
                0.37
                -0.4473128322973067
                0.9328342194594845
                5.0
                0.2582085548648711
                0.6
                0.9164171097297422
                -6.0
                0.21547236990991409
                0.04910427743243556
                -2.7
                7.5
            ]

            TemporaryFolder.using' (fun folder ->
                let affine = (nibabel.Read(save folder "a.nii" (bytes n))).Geometry.Affine

                for a, e in List.zip (rows affine) expected do
                    Expectations.close 1e-12 1.0 e a "affine")
        }
        test "affine from voxel sizes" {
            let n = {
                volume 2 [ 3; 4; 5 ] (Array.zeroCreate 60) with
                    Pixdim = [ 1.0; -2.0; 0.0; 1.5 ]
            }

            TemporaryFolder.using' (fun folder ->
                let geometry = (nibabel.Read(save folder "a.nii" (bytes n))).Geometry

                Expect.equal
                    (rows geometry.Affine)
                    [ -2.0; 0; 0; 2; 0; 1; 0; -1.5; 0; 0; 1.5; -3 ]
                    "centred, x to the left"

                Expect.equal geometry.Spacing [| 1.5; 1.0; 2.0 |] "zero becomes 1, negative its size")
        }
        test "spacing in metres and micrometres" {
            TemporaryFolder.using' (fun folder ->
                for units, scale in [ 0, 1.0; 1, 1000.0; 2, 1.0; 3, 0.001 ] do
                    let n = {
                        volume 2 [ 1; 1; 1 ] [| 0.0 |] with
                            Units = units
                            Pixdim = [ 1.0; 0.5; 0.25; 2.0 ]
                    }

                    let path = save folder "u.nii" (bytes n)

                    let spacing name =
                        (ImageReaders.ByName name).Read(path).Geometry.Spacing

                    Expect.equal
                        (spacing "SimpleITKIO")
                        (Array.map ((*) scale) [| 2.0; 0.25; 0.5 |])
                        "SimpleITK knows units"

                    Expect.equal (spacing "NibabelIO") [| 2.0; 0.25; 0.5 |] "nibabel does not")
        }
        test "one volume in four dimensions, one slice in two" {
            TemporaryFolder.using' (fun folder ->
                let four =
                    nibabel.Read(save folder "4.nii" (bytes (volume 2 [ 2; 1; 1; 1 ] [| 1.0; 2.0 |])))

                Expect.equal (four.Voxels.Shape, four.Voxels.Data) ([| 1; 1; 2 |], [| 1.0f; 2.0f |]) "four"

                let two =
                    nibabel.Read(save folder "2.nii" (bytes (volume 2 [ 2; 1 ] [| 1.0; 2.0 |])))

                Expect.equal
                    (two.Voxels.Shape, two.Geometry.Spacing)
                    ([| 1; 1; 2 |], [| 999.0; 1.0; 1.0 |])
                    "two")
        }
    ]

let private labelsOf (image: LoadedImage<int16>) = image.Voxels.Data

let private writing =
    testList "runtime/nifti/writing" [
        testPropertyWithConfig config "labels come back with the input's geometry"
        <| Prop.forAll (Arb.fromGen volumes) (fun (n, _) ->
            TemporaryFolder.using' (fun folder ->
                let n = {
                    n with
                        SForm = 2, [ -0.7; 0.1; 0.0; 3.5; 0.0; 0.8; 0.2; -4.0; 0.0; 0.0; 2.5; 9.0 ]
                        QForm = 1, [ 0.0; 0.0; 1.0; 3.5; -4.0; 9.0 ]
                }

                for name in [ "NibabelIO"; "SimpleITKIO"; "NibabelIOWithReorient" ] do
                    let reader = ImageReaders.ByName name
                    let image = reader.Read(save folder "v.nii" (bytes n))
                    let top = if n.Values.Length % 2 = 0 then 254 else 255

                    let labels =
                        ImageArray<int16>(
                            [| for i in 0 .. n.Values.Length - 1 -> int16 (top - i % 3) |],
                            1,
                            image.Voxels.Shape
                        )

                    let out = Path.Combine(folder, "s.nii.gz")
                    reader.WriteLabels(out, labels, image.Geometry)
                    let back = reader.ReadLabels out
                    Expect.equal (labelsOf back) labels.Data "labels"
                    Expect.equal back.Geometry.Spacing image.Geometry.Spacing "spacing"
                    Expect.equal (rows back.Geometry.Affine) (rows image.Geometry.Affine) "affine"
                    let header, _ = (NiftiFile.ReadHeader out).ToTuple()

                    Expect.equal
                        header.Shape
                        (n.Dim |> List.map int |> Array.ofList)
                        "axes of the input file"

                    Expect.equal
                        (header.SFormCode, header.QFormCode, header.Version)
                        (2, 1, n.Version)
                        "codes"

                    Expect.equal
                        header.Type
                        (if top < 255 then VoxelType.UInt8 else VoxelType.UInt16)
                        "type"))

        testPropertyWithConfig config "float images come back" (fun (NonEmptyArray(values: NormalFloat[])) ->
            TemporaryFolder.using' (fun folder ->
                let voxels =
                    ImageArray<float32>(
                        values |> Array.map (fun (NormalFloat v) -> float32 v),
                        1,
                        [| 1; 1; values.Length |]
                    )

                let path = Path.Combine(folder, "f.nii")
                nibabel.Write(path, voxels, ImageGeometry.FromSpacing [| 3.0; 2.0; 0.5 |])
                let back = nibabel.Read path
                Expect.equal back.Voxels.Data voxels.Data "values"
                Expect.equal (rows back.Geometry.Affine) [ 0.5; 0; 0; 0; 0; 2; 0; 0; 0; 0; 3; 0 ] "affine"
                Expect.equal back.Geometry.Spacing [| 3.0; 2.0; 0.5 |] "spacing"))

        test "equal volumes give equal files" {
            TemporaryFolder.using' (fun folder ->
                let labels =
                    ImageArray<int16>(Array.init 64 (fun i -> int16 (i % 5)), 1, [| 4; 4; 4 |])

                let write name =
                    let path = Path.Combine(folder, name)
                    nibabel.WriteLabels(path, labels, ImageGeometry.FromSpacing [| 1.0; 1.0; 1.0 |])
                    File.ReadAllBytes path

                let first = write "a.nii.gz"
                Threading.Thread.Sleep 1100
                Expect.equal (write "b.nii.gz") first "no time, no name inside")
        }

        test "a read-only folder is named" {
            let geometry = ImageGeometry.FromSpacing [| 1.0; 1.0; 1.0 |]

            TemporaryFolder.expectsLine [ "/proc/x.nii.gz"; "cannot be written" ] (fun () ->
                nibabel.WriteLabels("/proc/x.nii.gz", ImageArray<int16>(1, [| 1; 1; 1 |]), geometry))
        }
    ]

let tests = testList "" [ golden; reading; writing ]
