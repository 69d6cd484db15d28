/// .b2nd files: those of c-blosc2 3.3 in the folder blosc2, in the forms that releases of nnU-Net write, and our own.
module MedSegDsl.Tests.Runtime.Storage.Blosc2Tests

open System
open System.IO
open Expecto
open MedSegDsl.Runtime.Storage
open MedSegDsl.Runtime.Storage.Blosc2
open MedSegDsl.Tests.Runtime

let private file name =
    Path.Combine(__SOURCE_DIRECTORY__, "blosc2", name + ".b2nd")

/// What the files were filled with: voxel i of n.
let private float n i =
    if i > n / 2 then
        0f
    else
        float32 (i * 37 % 1013) / 16f + float32 (i / 500)

let private whole (shape: int list) value =
    let n = List.reduce (*) shape
    Array.init n (value n)

let private read<'T
    when 'T: unmanaged
    and 'T: (new: unit -> 'T)
    and 'T: struct
    and 'T :> ValueType
    and 'T :> Numerics.INumberBase<'T>>
    (volume: IStoredVolume)
    (channels: int)
    (size: int[])
    (outside: 'T)
    =
    let voxels = Array.reduce (*) size
    let values = Array.create (channels * voxels) outside

    for channel in 0 .. channels - 1 do
        volume.ReadPatch(
            channel,
            ReadOnlySpan [| 0; 0; 0 |],
            ReadOnlySpan size,
            Span<'T>(values, channel * voxels, voxels),
            outside
        )

    values

let private floats name shape = test $"float32, {name}" {
    use volume = new Blosc2Volume(file name)
    Expect.equal volume.Type "<f4" "type"
    Expect.equal (List.ofArray volume.Shape) (List.map int64 shape) "shape"
    let values = read volume shape.Head (Array.ofList shape.Tail) nanf
    Expect.equal values (whole shape float) "values"
}

let private wholeNumbers name kind (shape: int list) value = test $"whole numbers, {name}" {
    use volume = new Blosc2Volume(file name)
    Expect.equal volume.Type kind "type"
    Expect.equal (List.ofArray volume.Shape) (List.map int64 shape) "shape"
    let size = shape |> List.skip (shape.Length - 3) |> Array.ofList
    Expect.equal (read volume 1 size -9s) (whole shape (fun _ i -> value i)) "values"
}

let private foreign =
    testList "c-blosc2's files" [
        floats "lz4hc_shuffle_two_channels" [ 2; 15; 10; 13 ]
        floats "lz4hc_plain" [ 1; 15; 10; 13 ]
        floats "zstd_shuffle_split" [ 1; 9; 10; 13 ]
        floats "blosclz_shuffle" [ 1; 15; 10; 13 ]
        wholeNumbers "lz4hc_int8_many_chunks" "|i1" [ 1; 40; 40; 40 ] (fun i -> int16 (i / 11 % 5 - 1))
        wholeNumbers "zstd_int16_first_filter" "<i2" [ 1; 15; 10; 13 ] (fun i -> int16 (i / 7 % 300))
        wholeNumbers "zstd_uint8_three_axes" "|u1" [ 15; 10; 13 ] (fun i -> int16 (i / 11 % 5))
        test "patches over all borders" {
            let shape = [| 15; 10; 13 |]
            let values = whole (1 :: List.ofArray shape) float
            use volume = new Blosc2Volume(file "lz4hc_plain")
            let random = Random 3

            for _ in 1..50 do
                let corner = shape |> Array.map (fun n -> random.Next(-n, n + 2))
                let size = Array.init 3 (fun _ -> random.Next(1, 12))
                let patch = Array.create (Array.reduce (*) size) nanf
                volume.ReadPatch(0, ReadOnlySpan corner, ReadOnlySpan size, patch.AsSpan(), -7f)

                let expected = [|
                    for z in corner[0] .. corner[0] + size[0] - 1 do
                        for y in corner[1] .. corner[1] + size[1] - 1 do
                            for x in corner[2] .. corner[2] + size[2] - 1 ->
                                if Array.forall2 (fun i n -> 0 <= i && i < n) [| z; y; x |] shape then
                                    values[(z * shape[1] + y) * shape[2] + x]
                                else
                                    -7f
                |]

                Expect.equal patch expected $"at {corner}, size {size}"
        }
    ]

let private broken = test "files that are cut short, damaged or something else" {
    TemporaryFolder.using' (fun folder ->
        let bytes = File.ReadAllBytes(file "lz4hc_plain")
        let path = Path.Combine(folder, "a.b2nd")

        let refused (bytes: byte[]) =
            File.WriteAllBytes(path, bytes)

            TemporaryFolder.expectsLine [ "a.b2nd"; "preprocess the case again" ] (fun () ->
                use volume = new Blosc2Volume(path)
                read volume 1 [| 15; 10; 13 |] 0f |> ignore)

        refused [||]
        refused bytes[..40]
        refused bytes[.. bytes.Length / 2]
        refused (Array.create 500 65uy)
        // Where the first chunk's blocks start.
        let damaged = Array.copy bytes
        Array.fill damaged 240 30 0xFFuy
        refused damaged)
}

let private own = test "what is written is read, in three and four axes" {
    TemporaryFolder.using' (fun folder ->
        let path = Path.Combine(folder, "a.b2nd")

        for shape in [ [ 2; 5; 40; 33 ]; [ 1; 1; 1; 1 ]; [ 33; 70; 2 ] ] do
            let values = whole shape (fun _ i -> int16 (i % 90))
            Blosc2File.Write<int16>(path, shape |> List.map int64 |> Array.ofList, ReadOnlyMemory values)
            use volume = new Blosc2Volume(path)
            Expect.equal (List.ofArray volume.Shape) (List.map int64 shape) "shape"
            let channels = if shape.Length = 3 then 1 else shape.Head
            let size = shape |> List.skip (shape.Length - 3) |> Array.ofList
            Expect.equal (read volume channels size 0s) values $"values of {shape}")
}

let tests = testList "runtime/storage/blosc2" [ foreign; broken; own ]
