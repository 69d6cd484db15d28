/// Cases as nnU-Net writes them, and ours as nnU-Net reads them.
module MedSegDsl.Tests.Runtime.Storage.NnUNetCaseTests

open System
open System.IO
open System.IO.Compression
open Expecto
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Preprocessing
open MedSegDsl.Runtime.Storage
open MedSegDsl.Runtime.Training.Sampling
open MedSegDsl.Tests.Runtime

let private shape = [| 3; 4; 5 |]
let private image = Array.init 60 float32
let private labels = Array.init 60 (fun i -> int16 (i % 4 - 1))

/// The properties of the case "a" of numpy's pickles in the folder nnunet.
let private expected =
    CaseProperties([| 2.5; 0.5; 1.0 / 3.0 |], [| 6; 7; 8 |], [| [| 1; 4 |]; [| 0; 4 |]; [| 2; 7 |] |], shape)

let private voxels = [| 0; 1; 2; 2; 3; 4; 1; 0; 0 |]

let private locations = [
    ClassLocations([ 1 ], voxels)
    ClassLocations([ 2; 3 ], [||])
    ClassLocations([ -1; 0; 1; 2; 3 ], voxels[..2])
]

let private case =
    PreprocessedCase(ImageArray(image, 1, shape), ImageArray(labels, 1, shape), expected, locations)

let private checkCase (stored: StoredCase) =
    Expect.equal (stored.ReadImage().Data) image "image"
    Expect.equal (stored.ReadSegmentation().Data) labels "labels"
    Expect.equal stored.Properties.Spacing expected.Spacing "spacing"
    Expect.equal stored.Properties.ShapeBeforeCropping expected.ShapeBeforeCropping "shape before cropping"
    Expect.equal stored.Properties.CropBox expected.CropBox "box"

    Expect.equal
        stored.Properties.ShapeBeforeResampling
        expected.ShapeBeforeResampling
        "shape before resampling"

    Expect.equal
        [ for l in stored.Locations -> List.ofSeq l.Labels, l.Voxels.ToArray() ]
        [ for l in locations -> List.ofSeq l.Labels, l.Voxels.ToArray() ]
        "locations"

let private nnUNets name =
    Path.Combine(__SOURCE_DIRECTORY__, "nnunet", name)

/// The arrays of a case as numpy.savez_compressed packs them.
let private packArchive (path: string) =
    use archive = ZipFile.Open(path, ZipArchiveMode.Create)

    let add name (write: Stream -> unit) =
        use content = archive.CreateEntry(name, CompressionLevel.Fastest).Open()
        write content

    let axes = [| 1L; 3L; 4L; 5L |]
    add "data.npy" (fun stream -> NpyFile.Write<float32>(stream, axes, ReadOnlyMemory image))
    add "seg.npy" (fun stream -> NpyFile.Write<sbyte>(stream, axes, ReadOnlyMemory(Array.map sbyte labels)))

let private properties = [
    for protocol in [ "protocol2"; "protocol4"; "protocol4_columns"; "protocol5" ] ->
        test $"properties that Python wrote, {protocol}" {
            TemporaryFolder.using' (fun folder ->
                packArchive (Path.Combine(folder, "a.npz"))
                File.Copy(nnUNets $"{protocol}.pkl", Path.Combine(folder, "a.pkl"))
                Expect.equal (List.ofSeq (VolumeStore.CompleteCases folder)) [ "a" ] "complete"
                use stored = VolumeStore.Open(folder, "a")
                checkCase stored
                // Compressed arrays are unpacked as nnU-Net does, so that patches can be mapped.
                Expect.isTrue (File.Exists(Path.Combine(folder, "a_seg.npy"))) "unpacked"
                use again = VolumeStore.Open(folder, "a")
                checkCase again)
        }
]

let private own = test "our cases are nnU-Net's, in both forms" {
    TemporaryFolder.using' (fun folder ->
        let geometry = ImageGeometry.FromSpacing expected.Spacing

        for reader in [ "SimpleITKIO"; "NibabelIO"; "NibabelIOWithReorient"; "Tiff3DIO" ] do
            for compress in [ false; true ] do
                VolumeStore.Write(folder, "a", case, compress, CaseOrigin(reader, geometry))

                do
                    use stored = VolumeStore.Open(folder, "a")
                    checkCase stored
                    Expect.equal stored.IsCompressed compress "form"

                // Without our own file of locations, those in the properties count.
                File.Delete(Path.Combine(folder, "a_locations.npy"))
                use stored = VolumeStore.Open(folder, "a")
                checkCase stored)
}

let private numbers = test "Python's int and float are told apart" {
    TemporaryFolder.using' (fun folder ->
        // nnU-Net slices with the box, and calculates with the spacing.
        let properties =
            CaseProperties([| 8.0; 0.5; 0.5 |], [| 6; 7; 8 |], expected.CropBox, shape)

        let case = PreprocessedCase(case.Image, case.Segmentation, properties, [])
        VolumeStore.Write(folder, "a", case)
        let pickle = File.ReadAllBytes(Path.Combine(folder, "a.pkl"))

        let place (high: byte list) =
            let float = [| byte 'G'; yield! high; yield! Array.zeroCreate 6 |]
            pickle.AsSpan().IndexOf(ReadOnlySpan float)

        Expect.isGreaterThan (place [ 0x40uy; 0x20uy ]) 0 "8.0, of the spacing, is a float"
        Expect.equal (place [ 0x40uy; 0x10uy ]) -1 "4, of the box, is none")
}

let private refused = test "properties that are something else" {
    TemporaryFolder.using' (fun folder ->
        let path = Path.Combine(folder, "a.pkl")

        let refused words (bytes: byte[]) =
            VolumeStore.Write(folder, "a", case)
            File.WriteAllBytes(path, bytes)
            use stored = VolumeStore.Open(folder, "a")

            TemporaryFolder.expectsLine ("a.pkl" :: words) (fun () -> stored.Properties |> ignore)

        refused [ "preprocess it again" ] [||]
        refused [ "preprocess it again" ] [| 0x80uy; 2uy; byte '}'; byte '.' |]
        // A pickle that would run a command.
        refused [ "os.system"; "closed list" ] [|
            0x80uy
            2uy
            yield! "cos\nsystem\nU\004true"B
            0x85uy
            yield! "R."B
        |])
}

let tests =
    testList "runtime/storage/nnunet" [ testList "properties" properties; own; numbers; refused ]
