/// Where tiles lie and how much their voxels weigh.
module MedSegDsl.Tests.Runtime.Inference.SlidingWindowTests

open Expecto
open FsCheck.FSharp
open MedSegDsl.Runtime.Inference
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

let private gaussian =
    testList "golden/pipeline/unit/gaussian" [
        for case in UnitFile.rows "gaussian" "cases" ->
            let tile = Expectations.ints (case.GetProperty "tile")
            let scale = case.GetProperty("value_scaling_factor").GetDouble()
            let sigma = case.GetProperty("sigma_scale").GetDouble()
            let name = tile |> Array.map string |> String.concat "x"

            test name {
                let weights = GaussianWeights.Compute(tile, sigma, scale)

                Expectations.matchesFloats
                    1e-5
                    (case.GetProperty "float32")
                    tile
                    (Array.map float weights)
                    "float32"

                let stride axis = tile[axis + 1 ..] |> Array.fold (*) 1
                let centre = tile |> Array.mapi (fun axis n -> n / 2 * stride axis) |> Array.sum

                case.GetProperty("profiles_float32").EnumerateArray()
                |> Seq.iteri (fun axis profile ->
                    let start = centre - tile[axis] / 2 * stride axis

                    Expectations.numbers profile
                    |> Array.iteri (fun i expected ->
                        let actual = float weights[start + i * stride axis]
                        Expectations.close 1e-5 0.0 expected actual $"profile of axis {axis} at {i}"))

                let halves = GaussianWeights.InHalf weights |> Array.map float
                Expectations.matchesFloats 1e-3 (case.GetProperty "float16") tile halves "float16"
                Expect.isGreaterThan (Array.min halves) 0.0 "no weight of 0"
            }
    ]

let private steps =
    testList "golden/pipeline/unit/sliding_window/steps" [
        for row in UnitFile.rows "sliding_window" "steps" ->
            let image = Expectations.ints row[0]
            let tile = Expectations.ints row[1]
            let fraction = row[2].GetDouble()

            test $"%A{image} %A{tile} {fraction}" {
                let expected = [ for axis in row[3].EnumerateArray() -> Expectations.ints axis ]
                let actual = [ for n, p in Seq.zip image tile -> SlidingWindow.StepsAlong(n, p, fraction) ]
                Expect.equal actual expected "first voxels"
            }
    ]

let private slicers =
    testList "golden/pipeline/unit/sliding_window/slicers" [
        for case in UnitFile.rows "sliding_window" "slicers" ->
            let image = Expectations.ints (case.GetProperty "image")
            let patch = Expectations.ints (case.GetProperty "patch")

            test $"%A{image} %A{patch}" {
                let expected = [
                    for tile in case.GetProperty("order").EnumerateArray() ->
                        [
                            for axis in tile.EnumerateArray() ->
                                if axis.ValueKind = System.Text.Json.JsonValueKind.Array then
                                    Expectations.intList axis
                                else
                                    [ axis.GetInt32(); axis.GetInt32() + 1 ]
                        ]
                ]

                let window = SlidingWindow(image, patch)

                let actual = [
                    for struct (z, y, x) in window.Tiles ->
                        [
                            for start, length in Seq.zip [ z; y; x ] window.Tile -> [ start; start + length ]
                        ]
                ]

                Expect.equal actual expected "tiles in order"
                Expect.equal window.Count expected.Length "number of tiles"
            }
    ]

let private padding =
    testList "golden/pipeline/unit/sliding_window/padding" [
        for case in UnitFile.rows "sliding_window" "padding" ->
            let shape = Expectations.ints (case.GetProperty "shape")
            let patch = Expectations.ints (case.GetProperty "patch")

            test $"%A{shape} %A{patch}" {
                let window = SlidingWindow(shape[1..], patch)
                let padded = Array.append [| shape[0] |] window.Padded
                Expect.equal padded (Expectations.ints (case.GetProperty "padded")) "padded shape"

                let content =
                    [ 0; shape[0] ]
                    :: [ for first, n in Seq.zip window.Before window.Image -> [ first; first + n ] ]

                let expected = [
                    for range in case.GetProperty("content").EnumerateArray() -> Expectations.intList range
                ]

                Expect.equal content expected "where the image lies"
            }
    ]

let private sizes = gen {
    let! image = Gen.choose (1, 300)
    let! tile = Gen.choose (1, 300)
    let! fraction = Gen.elements [ 0.1; 0.25; 0.3; 0.5; 0.75; 1.0 ]
    return max image tile, tile, fraction
}

let private laws =
    testList "runtime/inference/sliding window" [
        testPropertyWithConfig FsCheckConfig.defaultConfig "tiles cover every voxel, within the step"
        <| Prop.forAll (Arb.fromGen sizes) (fun (image, tile, fraction) ->
            let starts = SlidingWindow.StepsAlong(image, tile, fraction)
            let gaps = Array.pairwise starts |> Array.map (fun (a, b) -> float (b - a))

            starts[0] = 0
            && Array.last starts = image - tile
            && gaps |> Array.forall (fun gap -> gap <= ceil (float tile * fraction)))
        test "a step of 0 is refused" {
            Expect.throwsT<MedSegDsl.Runtime.UserException>
                (fun () -> SlidingWindow([| 9; 9; 9 |], [| 4; 4; 4 |], 0.0) |> ignore)
                "the step must be above 0"
        }
    ]

let tests = testList "" [ gaussian; steps; slicers; padding; laws ]
