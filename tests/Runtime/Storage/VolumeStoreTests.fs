module MedSegDsl.Tests.Runtime.Storage.VolumeStoreTests

open System
open System.IO
open System.IO.Compression
open System.Threading.Tasks
open Expecto
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Preprocessing
open MedSegDsl.Runtime.Storage
open MedSegDsl.Runtime.Training.Sampling
open MedSegDsl.Tests.Runtime

let private randomCase (random: Random) highestLabel =
    // Often within one chunk of the compressed form, sometimes over several.
    let shape =
        Array.init 3 (fun _ ->
            if random.Next 4 = 0 then
                random.Next(31, 40)
            else
                random.Next(1, 9))

    let channels = random.Next(1, 4)
    let image = ImageArray<float32>(channels, shape)

    for i in 0 .. image.Data.Length - 1 do
        image.Data[i] <- float32 (random.NextDouble())

    let segmentation = ImageArray<int16>(1, shape)

    for i in 0 .. segmentation.Data.Length - 1 do
        segmentation.Data[i] <- int16 (random.Next(-1, highestLabel + 1))

    let properties =
        CaseProperties(
            [| 2.5; 0.1; 1.0 / 3.0 |],
            [| 9; 9; 9 |],
            [| [| 0; 1 |]; [| 2; 3 |]; [| 4; 9 |] |],
            shape
        )

    let locations = [
        ClassLocations([ 1 ], [| 0; 0; 0; 0; 0; 1 |])
        ClassLocations([ 2; 3 ], [||])
        ClassLocations([ -1; 0; 1 ], [| 0; 0; 0 |])
    ]

    PreprocessedCase(image, segmentation, properties, locations)

/// The patch by definition, voxel by voxel.
let private patch (volume: ImageArray<'a>) (corner: int[]) (size: int[]) (outside: 'a) = [|
    for c in 0 .. volume.Channels - 1 do
        for z in corner[0] .. corner[0] + size[0] - 1 do
            for y in corner[1] .. corner[1] + size[1] - 1 do
                for x in corner[2] .. corner[2] + size[2] - 1 ->
                    let inside = Array.forall2 (fun i n -> 0 <= i && i < n) [| z; y; x |] volume.Shape

                    if inside then
                        volume.Data[((c * volume.Shape[0] + z) * volume.Shape[1] + y) * volume.Shape[2] + x]
                    else
                        outside
|]

let private checkPatch (case: PreprocessedCase) (stored: StoredCase) (random: Random) =
    let corner = case.Image.Shape |> Array.map (fun n -> random.Next(-n - 3, n + 4))
    let size = Array.init 3 (fun _ -> random.Next(1, 12))
    let voxels = Array.reduce (*) size
    let image = Array.create (case.Image.Channels * voxels) nanf
    let segmentation = Array.create voxels 99s
    stored.ReadPatch(corner, size, image, segmentation)
    Expect.equal image (patch case.Image corner size 0f) $"image at {corner}, size {size}"
    Expect.equal segmentation (patch case.Segmentation corner size -1s) $"labels at {corner}, size {size}"

let private small = {
    FsCheckConfig.defaultConfig with
        maxTest = 20
}

let tests =
    testList "runtime/storage" [
        testPropertyWithConfig small "what is written is read, whole and in patches" (fun (seed: int) ->
            TemporaryFolder.using' (fun folder ->
                let random = Random seed
                let case = randomCase random (if random.Next 2 = 0 then 127 else 128)
                VolumeStore.Write(folder, "a", case, random.Next 2 = 0)
                use stored = VolumeStore.Open(folder, "a")
                Expect.equal (stored.ReadImage().Data) case.Image.Data "image"
                Expect.equal (stored.ReadSegmentation().Data) case.Segmentation.Data "labels"
                Expect.equal (List.ofSeq stored.Shape) (List.ofArray case.Image.Shape) "shape"
                Expect.equal stored.Properties.Spacing case.Properties.Spacing "spacing"
                Expect.equal stored.Properties.CropBox case.Properties.CropBox "crop box"

                for expected, actual in Seq.zip case.Locations stored.Locations do
                    Expect.equal
                        (List.ofSeq actual.Labels)
                        (List.ofSeq expected.Labels)
                        "labels of locations"

                    Expect.equal (actual.Voxels.ToArray()) (expected.Voxels.ToArray()) "locations"

                for _ in 1..10 do
                    checkPatch case stored random))
        for compress in [ false; true ] do
            test $"several threads read one case, compressed {compress}" {
                TemporaryFolder.using' (fun folder ->
                    let case = randomCase (Random 5) 3
                    VolumeStore.Write(folder, "a", case, compress)
                    use stored = VolumeStore.Open(folder, "a")
                    Parallel.For(0, 50, fun i -> checkPatch case stored (Random i)) |> ignore)
            }
        test "one form of a case replaces the other" {
            TemporaryFolder.using' (fun folder ->
                let case = randomCase (Random 5) 3

                for compress in [ false; true; false ] do
                    VolumeStore.Write(folder, "a", case, compress)

                    let files =
                        Directory.GetFiles folder
                        |> Array.map (fun f -> string (Path.GetExtension f))
                        |> Array.sort

                    let volumes = if compress then [| ".b2nd"; ".b2nd" |] else [| ".npz" |]
                    Expect.equal files (Array.sort [| ".npy"; ".pkl"; yield! volumes |]) "files"
                    Expect.isTrue (VolumeStore.IsComplete(folder, "a")) "complete")
        }
        test "the same case gives the same bytes at any time" {
            TemporaryFolder.using' (fun folder ->
                let write id =
                    VolumeStore.Write(folder, id, randomCase (Random 5) 3)

                write "a"
                // Times in zip files are even seconds.
                System.Threading.Thread.Sleep 2100
                write "b"

                for ending in [ ".npz"; ".pkl"; "_locations.npy" ] do
                    let bytes id =
                        File.ReadAllBytes(Path.Combine(folder, id + ending))

                    Expect.equal (bytes "b") (bytes "a") ending)
        }
        test "smooth volumes take less room compressed" {
            TemporaryFolder.using' (fun folder ->
                let shape = [| 40; 40; 40 |]

                let image =
                    ImageArray<float32>(Array.init 64000 (fun i -> float32 (i / 400) / 7f), 1, shape)

                let properties = CaseProperties([| 1.0; 1.0; 1.0 |], shape, [||], shape)
                let case = PreprocessedCase(image, ImageArray<int16>(1, shape), properties, [])

                let size compress =
                    VolumeStore.Write(folder, "a", case, compress)
                    Directory.GetFiles folder |> Array.sumBy (fun file -> FileInfo(file).Length)

                Expect.isLessThan (4L * size true) (size false) "a quarter")
        }
        test "compressed volumes that are not whole" {
            TemporaryFolder.using' (fun folder ->
                VolumeStore.Write(folder, "a", randomCase (Random 5) 3, true)
                let file = Path.Combine(folder, "a.b2nd")
                let bytes = File.ReadAllBytes file

                for broken in
                    [
                        bytes[..20]
                        bytes[.. bytes.Length - 100]
                        Array.map (fun b -> b ^^^ 1uy) bytes
                    ] do
                    File.WriteAllBytes(file, broken)

                    TemporaryFolder.expectsLine [ "a.b2nd" ] (fun () ->
                        VolumeStore.Open(folder, "a").Dispose()))
        }
        test "labels take one byte unless one is above 127" {
            TemporaryFolder.using' (fun folder ->
                let write id (label: int16) =
                    let case = randomCase (Random 5) 3
                    case.Segmentation.Data[0] <- label
                    VolumeStore.Write(folder, id, case)

                    use archive = ZipFile.OpenRead(Path.Combine(folder, id + ".npz"))
                    (nonNull (archive.GetEntry "seg.npy")).Length - 128L, case.Segmentation.Data.LongLength

                let bytes, voxels = write "a" 127s
                Expect.equal bytes voxels "int8"
                let bytes, voxels = write "b" 128s
                Expect.equal bytes (2L * voxels) "int16")
        }
        test "a case without all of its files does not count" {
            TemporaryFolder.using' (fun folder ->
                for id in [ "b"; "a"; "c" ] do
                    VolumeStore.Write(folder, id, randomCase (Random 1) 3)

                Expect.equal (List.ofSeq (VolumeStore.CompleteCases folder)) [ "a"; "b"; "c" ] "in order"
                File.Delete(Path.Combine(folder, "b.pkl"))
                File.Delete(Path.Combine(folder, "c.npz"))
                Expect.equal (List.ofSeq (VolumeStore.CompleteCases folder)) [ "a" ] "complete cases"

                for id in [ "b"; "c" ] do
                    TemporaryFolder.expectsLine [ id; "preprocess" ] (fun () ->
                        VolumeStore.Open(folder, id).Dispose()))
        }
        test "a file cut short is found when the case is opened" {
            TemporaryFolder.using' (fun folder ->
                VolumeStore.Write(folder, "a", randomCase (Random 1) 3)
                let path = Path.Combine(folder, "a.npz")
                use stream = File.OpenWrite path
                stream.SetLength(stream.Length - 1L)
                stream.Close()

                TemporaryFolder.expectsLine [ "a.npz"; "preprocess the case again" ] (fun () ->
                    VolumeStore.Open(folder, "a").Dispose()))
        }
        test "a write that fails leaves no case" {
            TemporaryFolder.using' (fun folder ->
                let case = randomCase (Random 1) 3
                VolumeStore.Write(folder, "a", case)
                Directory.CreateDirectory(Path.Combine(folder, "b.npz", "in the way")) |> ignore
                TemporaryFolder.expectsLine [ "b.npz" ] (fun () -> VolumeStore.Write(folder, "b", case))
                Expect.equal (List.ofSeq (VolumeStore.CompleteCases folder)) [ "a" ] "complete cases")
        }
        test "no folder, no cases" { Expect.isEmpty (VolumeStore.CompleteCases "/no/such/folder") "none" }
    ]
