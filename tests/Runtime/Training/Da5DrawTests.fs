/// How often each change of DA5 happens and how strong it is, as for the default (nnU-Net, nnUNetTrainerDA5).
module MedSegDsl.Tests.Runtime.Training.Da5DrawTests

open System
open Expecto
open TorchSharp
open MedSegDsl
open MedSegDsl.Runtime.Training.Augmentations
open MedSegDsl.Runtime.Training.Augmentations.Intensity
open MedSegDsl.Tests.Runtime.Training.AugmentationDraws

let private affineOfDa5 () =
    let found = matrices [ Augmentation.da5.Head ] [ 10; 12; 10 ] 700

    let angle axis m = (angles m)[axis]

    for axis in 0..2 do
        let turned = [ for m in found -> abs (angle axis m) > 1e-3 ]
        Statistics.share 0.2 turned $"turned about axis {axis}"

        Statistics.uniform
            -limit
            limit
            1e-3
            [
                for m in found do
                    if abs (angle axis m) > 1e-3 then
                        angle axis m
            ]
            $"angle about axis {axis}"

    // Turned at all: with probability 0.4, and then about one of the axes at least.
    Statistics.share (0.4 * 7.0 / 8.0) (Seq.map isTurned found) "turned"
    let scaled = Array.filter isScaled found
    Statistics.share 0.2 (Seq.map isScaled found) "scaled"

    for axis in 0..2 do
        Statistics.uniform 0.7 1.43 1e-3 [ for m in scaled -> column m axis ] $"scale along axis {axis}"

    Expect.isFalse
        (scaled |> Array.exists (fun m -> abs (column m 0 - column m 1) < 1e-6))
        "each axis its own"

let private da5 choose = pick choose Augmentation.da5

let private alternatives which =
    Augmentation.da5
    |> List.filter (function
        | AugmentationStep.OneOf(AugmentationStep.Intensity(_, _, change) :: _) -> which change
        | _ -> false)

let private quarterTurns () =
    let steps =
        Augmentation.da5
        |> List.filter (fun s -> s = AugmentationStep.Spatial(0.5, SpatialChange.QuarterTurn))

    let found = matrices steps [ 4; 6; 6 ] 600
    // A quarter of the turns is by 0 degrees.
    Statistics.share (0.5 * 0.75) [ for m in found -> abs m[1, 1] < 0.5 || m[1, 1] < 0.0 ] "turned"

    for m in found do
        Expect.equal m[0, 0] 1.0 "the axis of another length stays"

    let turn (m: float[,]) = int m[1, 1], int m[2, 1]

    for kind in [ 0, 1; 0, -1; -1, 0 ] do
        Statistics.share (0.5 / 4.0) [ for m in found -> turn m = kind ] $"turn {kind}"

let private permutations () =
    let steps =
        Augmentation.da5
        |> List.filter (fun s -> s = AugmentationStep.Spatial(0.5, SpatialChange.AxisPermutation))

    let found = matrices steps [ 6; 6; 6 ] 1200

    let order (m: float[,]) = [ for row in 0..2 -> List.find (fun column -> m[row, column] = 1.0) [ 0..2 ] ]

    let kinds = found |> Array.map order
    Expect.equal (Set.ofArray kinds).Count 6 "every order"
    Statistics.share (0.5 + 0.5 / 6.0) [ for k in kinds -> k = [ 0; 1; 2 ] ] "as it was"

    for kind in [ [ 1; 0; 2 ]; [ 2; 0; 1 ] ] do
        Statistics.share (0.5 / 6.0) [ for k in kinds -> k = kind ] $"{kind}"

let private medianOrBlur () =
    use _ = torch.NewDisposeScope()
    let size = 9

    let noise =
        Array.init (size * size * size) (fun i -> float32 ((i * 7919) % 1009) / 1009f)

    let medians = [
        for cube in 2..7 ->
            let volume = torch.tensor(noise).reshape(int64 size, int64 size, int64 size)
            MedianFilter.Apply(volume, cube)
            cube, volume.contiguous().data<float32>().ToArray() |> Array.map float
    ]

    let found =
        changed (alternatives _.IsMedianFilter) [ size; size; size ] 1500 2 noise

    let which (row: float[]) =
        medians |> List.tryFind (fun (_, m) -> m = row) |> Option.map fst

    let firsts = [ for sample in found -> sample[0] ]
    let isMedian row = (which row).IsSome
    Statistics.share (0.5 * 0.2 * 0.5) (List.map isMedian firsts) "median"

    Statistics.share (0.5 * 0.2 * 0.5) [ for row in firsts -> differs noise row && not (isMedian row) ] "blur"

    let cubes = [
        for sample in found do
            yield! Array.choose which sample
    ]

    for cube in 2..7 do
        Statistics.share (1.0 / 6.0) [ for c in cubes -> c = cube ] $"cubes of {cube}"

let private blurOfDa5 () =
    let size = 11
    let voxels = impulse size

    let rows =
        changed (alternatives _.IsMedianFilter) [ size; size; size ] 2400 1 voxels
        |> Array.concat
        // The median of one bright voxel among dark ones is dark.
        |> Array.filter (fun row -> differs voxels row && Array.exists (fun v -> v > 0.0) row)
        |> Array.map (sigmas size)

    Statistics.uniform 0.3 1.5 1e-2 [ for row in rows -> row[0] ] "sigma"

    for row in rows do
        Expect.floatClose Accuracy.low row[2] row[0] "one sigma for all axes"

let private contrastOfDa5 () =
    let voxels = [| -2f; -0.5f; 0.5f; 2f |]

    let found = changed (alternatives _.IsContrast) [ 1; 2; 2 ] 6000 2 voxels

    let rows = happens 0.2 0.5 voxels found
    Statistics.aroundOne 0.5 2.0 1e-5 [ for row in rows -> row[2] / 0.5 ] "factor"
    let stronger = rows |> Array.filter (fun row -> row[2] > 0.5)
    Statistics.share 0.5 [ for row in stronger -> row[3] = 2.0 ] "half of them cut to the former range"

let private shift () =
    let rows =
        changed (da5 _.IsBrightnessShift) [ 1; 1; 2 ] 4000 2 (constant 0.0 2)
        |> happens 0.1 0.5 (constant 0.0 2)

    Statistics.normal 0.5 [ for row in rows -> row[0] ] "shift"

let private lowResolutionOfDa5 () =
    let size = 40

    let rows =
        changed (da5 _.IsLowResolution) [ 1; size; size ] 1600 2 (identity size)
        |> happens (0.15 * 29.5 / 30.0) 0.5 (identity size)

    Statistics.uniform 0.25 0.9875 0.0125 (scales size rows) "scale"

let private gammaOfDa5 () =
    let steps = da5 _.IsGamma
    Expect.equal steps.Length 2 "twice"
    let ramp = Array.init 64 (fun i -> float32 i / 63f)

    for step in steps do
        let rows = changed [ step ] [ 4; 4; 4 ] 3000 1 ramp |> happens 0.1 1.0 ramp

        Statistics.aroundOne 0.7 1.5 1e-3 (Array.map (exponent true) rows) "exponent, inverted"

let private rectangles () =
    let size = 30
    let voxels = Array.init (size * size * size) (fun i -> float32 ((i * 7919) % 10007))

    let rows =
        changed (da5 _.IsBlankRectangles) [ size; size; size ] 260 1 voxels
        |> happens 0.4 0.5 voxels

    let boxes (row: float[]) =
        // Boxes are full of one value; what a later box left of an earlier one has the same value still.
        row
        |> Array.indexed
        |> Array.filter (fun (i, v) -> float voxels[i] <> v)
        |> Array.groupBy snd
        |> Array.filter (fun (_, places) -> places.Length > 1)
        |> Array.map (fun (_, places) -> Array.map fst places)

    let sides (places: int[]) = [
        for coordinate in
            [
                fun i -> i / (size * size)
                fun i -> i / size % size
                fun i -> i % size
            ] ->
            let values = Array.map coordinate places
            Array.max values - Array.min values + 1
    ]

    let counts = [ for row in rows -> (boxes row).Length ]
    Expect.equal (List.max counts, List.min counts) (4, 1) "one to four boxes"

    let all = [
        for row in rows do
            for box in boxes row do
                yield! sides box
    ]

    // An overlapped box may look shorter than it is.
    Expect.isLessThanOrEqual (List.max all) 9 "a third of the patch"

    Expect.equal
        (Set.ofList all |> Set.filter (fun s -> s >= 3))
        (Set.ofList [ 3..9 ])
        "every side from a tenth to a third"

    let alone = [
        for row in rows do
            match boxes row with
            | [| box |] -> Array.averageBy (fun i -> float voxels[i]) box, row[box[0]]
            | _ -> ()
    ]

    for mean, value in alone do
        Expect.isLessThan (abs (mean - value)) 0.5 "filled with their mean"

let private gradient () =
    let size = 12
    let voxels = constant 0.0 (size * size * size)

    let rows =
        changed (da5 _.IsBrightnessGradient) [ size; size; size ] 900 2 voxels
        |> happens 0.3 0.5 voxels

    let top row = Array.maxBy abs row
    Statistics.share 0.5 [ for row in rows -> top row > 0.0 ] "upwards"
    Statistics.uniform 1.0 5.0 1e-4 [ for row in rows -> abs (top row) ] "strength"

    for row in rows do
        Expect.isLessThan (Array.min (Array.map abs row)) 1e-6 "nothing where it is lowest"

let private localGamma () =
    let size = 12
    // Half grey, with the range's ends in two corners.
    let voxels = constant 0.5 (size * size * size)
    voxels[0] <- 0f
    voxels[size - 1] <- 1f

    let rows =
        changed (da5 _.IsLocalGamma) [ size; size; size ] 1200 2 voxels
        |> happens 0.3 0.5 voxels

    let strongest (row: float[]) =
        let inner =
            row
            |> Array.indexed
            |> Array.filter (fun (i, _) -> voxels[i] = 0.5f)
            |> Array.map snd

        log (inner |> Array.maxBy (fun v -> abs (v - 0.5))) / log 0.5

    let exponents = Array.map strongest rows
    let low, high = exponents |> Array.partition (fun e -> e < 1.0)
    Statistics.share 0.5 [ for e in exponents -> e < 1.0 ] "below 1"
    Statistics.uniform 0.01 0.8 0.04 low "exponents that brighten"
    Statistics.uniform 1.5 4.0 0.12 high "exponents that darken"

let private sharpening () =
    let voxels = impulse 5

    let rows =
        changed (da5 _.IsSharpening) [ 5; 5; 5 ] 1500 2 voxels |> happens 0.2 0.5 voxels

    let middle = 62
    Statistics.uniform 0.1 1.0 1e-5 [ for row in rows -> (row[middle] - 1.0) / 6.0 ] "strength"

    for row in rows do
        Expect.floatClose Accuracy.medium row[middle + 1] ((1.0 - row[middle]) / 6.0) "neighbours"
        Expect.floatClose Accuracy.medium (Array.sum row) 1.0 "sum"

let tests =
    testList "training/augmentation/draws/DA5" [
        for name, run in
            [
                "affine", affineOfDa5
                "quarter turns", quarterTurns
                "axes change places", permutations
                "median or blur", medianOrBlur
                "blur", blurOfDa5
                "contrast", contrastOfDa5
                "shift", shift
                "low resolution", lowResolutionOfDa5
                "gamma", gammaOfDa5
                "rectangles", rectangles
                "gradient", gradient
                "local gamma", localGamma
                "sharpening", sharpening
            ] do
            testCase name run
    ]
