/// Patch geometry, forced foreground and patch corners against tests/golden/pipeline/unit/{patch_size,sampling}.json, and the
/// rules for choosing what a patch is centred on.
module MedSegDsl.Tests.Runtime.Training.SamplingTests

open System.IO
open System.Text.Json
open Expecto
open MedSegDsl.Runtime.Training.Loading
open MedSegDsl.Runtime.Training.Sampling
open MedSegDsl.Tests.Golden

let private geometry (case: JsonElement) =
    let patch = Expectations.intList (case.GetProperty "patch")

    test $"patch {patch}" {
        let actual = PatchGeometry(ResizeArray patch)
        let range = Expectations.numbers (case.GetProperty "rotation_range_radians")
        Expectations.close 1e-12 0.0 range[1] actual.MaximalRotation "rotation"
        Expectations.close 1e-12 0.0 -range[0] actual.MaximalRotation "rotation the other way"
        Expect.equal actual.IsDummy2D (case.GetProperty("dummy_2d").GetBoolean()) "dummy 2D"

        Expect.equal
            (List.ofArray actual.InitialPatch)
            (Expectations.intList (case.GetProperty "initial_patch"))
            "initial patch"

        Expect.equal
            (List.ofArray actual.MirrorAxes)
            (Expectations.intList (case.GetProperty "mirror_axes"))
            "mirror axes"
    }

let private forced (entry: JsonProperty) = test $"forced foreground {entry.Name}" {
    let parts = entry.Name.Split '/'
    let batch, share = int parts[0], float parts[1]
    let expected = [ for e in entry.Value.EnumerateArray() -> e.GetBoolean() ]
    let actual = [ for j in 0 .. batch - 1 -> ForegroundOversampling.IsForced(j, batch, share) ]
    Expect.equal actual expected "forced samples"
}

let private random iteration =
    BatchRandom(1, BatchKey(BatchPurpose.Training, 0, iteration))

let private box index (case: JsonElement) = test $"box {index}" {
    let get (name: string) =
        Expectations.ints (case.GetProperty name)

    let image, initial = get "data_shape", get "initial_patch"
    let placement = PatchPlacement(initial, get "final_patch")
    let corner = placement.Around(image, get "forced_voxel")
    Expect.equal corner (get "forced_lower") "corner around the voxel"
    Expect.equal (Array.map2 (+) corner initial) (get "forced_upper") "its far corner"
    let lowest, highest = get "random_lower_min_seen", get "random_lower_max_seen"
    let source = random index
    let draws = [ for _ in 1..2000 -> placement.Random(image, source) ]

    for axis in 0 .. image.Length - 1 do
        let struct (low, high) = placement.Range(image[axis], axis)

        Expect.isTrue
            (low <= lowest[axis] && highest[axis] <= high)
            $"axis {axis}: what nnU-Net drew lies within"

        if high - low < 30 then
            Expect.equal (low, high) (lowest[axis], highest[axis]) $"axis {axis}: range"

            let seen =
                draws |> List.map (fun corner -> corner[axis]) |> List.distinct |> List.sort

            Expect.equal seen [ low..high ] $"axis {axis}: every corner is drawn"
}

let private read name =
    let file = Folder.at [ "pipeline"; "unit"; name ]
    if File.Exists file then Some(Folder.read file) else None

let goldenTests =
    testList "golden/sampling" [
        match read "patch_size.json" with
        | Some json ->
            for case in json.GetProperty("cases").EnumerateArray() do
                geometry case
        | None -> ()

        match read "sampling.json" with
        | Some json ->
            for entry in json.GetProperty("forced_foreground").EnumerateObject() do
                forced entry

            for index, case in Seq.indexed (json.GetProperty("boxes").EnumerateArray()) do
                box index case
        | None -> ()
    ]

/// A case with locations only.
let private located (locations: (int list * int list list) list) = {
    new ITrainingCase with
        member _.Id = "located"
        member _.Channels = 1
        member _.Shape = [| 20; 20; 20 |]

        member _.Locations = [|
            for labels, voxels in locations ->
                ClassLocations(
                    ResizeArray labels,
                    [|
                        for v in voxels do
                            yield! v
                    |]
                )
        |]

        member _.ReadPatch(_, _, _, _) = ()
}

/// Where patches of 4³ are centred over many draws.
let private centres hasIgnoreLabel isForced source =
    let sampler =
        PatchSampler(PatchPlacement([| 4; 4; 4 |], [| 4; 4; 4 |]), hasIgnoreLabel)

    let random = random 0

    List.distinct [
        for _ in 1..300 -> sampler.Corner(source, isForced, random) |> Array.map ((+) 2) |> List.ofArray
    ]

let tests =
    testList "training/sampling" [
        test "forced patches are centred on any location of any class, empty classes left out" {
            let source =
                located [ [ 1 ], [ [ 5; 6; 7 ]; [ 8; 8; 8 ] ]; [ 2 ], []; [ 3 ], [ [ 10; 11; 12 ] ] ]

            Expect.equal
                (List.sort (centres false true source))
                [ [ 5; 6; 7 ]; [ 8; 8; 8 ]; [ 10; 11; 12 ] ]
                "centres"
        }

        test "everything annotated counts as a class only where nothing else is there" {
            let annotated = [ -1; 0; 1 ], [ [ 4; 4; 4 ] ]

            Expect.equal
                (centres true true (located [ [ 1 ], [ [ 9; 9; 9 ] ]; annotated ]))
                [ [ 9; 9; 9 ] ]
                "a class is there"

            Expect.equal
                (centres true true (located [ [ 1 ], []; annotated ]))
                [ [ 4; 4; 4 ] ]
                "no class is there"
        }

        test "with an ignore label a patch is centred on something annotated" {
            let source = located [ [ 1 ], [ [ 9; 9; 9 ] ]; [ -1; 0; 1 ], [ [ 4; 4; 4 ] ] ]
            Expect.equal (centres true false source) [ [ 4; 4; 4 ] ] "centres"
        }

        test "without locations the patch lies anywhere" {
            Expect.isGreaterThan (centres false true (located [ [ 1 ], [] ])).Length 250 "different corners"
        }

        test "random numbers depend on every part of the key" {
            let first seed key = BatchRandom(seed, key).Below 1000000000

            let keys = [
                for purpose in [ BatchPurpose.Training; BatchPurpose.Validation ] do
                    for epoch in 0..3 do
                        for iteration in 0..3 -> BatchKey(purpose, epoch, iteration)
            ]

            let draws = [
                for seed in 0..3 do
                    for key in keys -> first seed key
            ]

            Expect.equal (List.length (List.distinct draws)) draws.Length "no two alike"
            Expect.equal (first 2 keys[5]) (first 2 keys[5]) "the same key, the same number"
        }
    ]
