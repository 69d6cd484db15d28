/// How often each change of the augmentation happens and how strong it is: read back from what it does to images made for
/// that, and compared with the rules (tests/golden/pipeline/TRAINING_RULES.md, section 5; nnU-Net's DA5 trainer).
module MedSegDsl.Tests.Runtime.Training.AugmentationDrawTests

open System
open Expecto
open TorchSharp
open MedSegDsl
open MedSegDsl.Runtime.Training.Augmentations
open MedSegDsl.Runtime.Training.Augmentations.Intensity
open MedSegDsl.Runtime.Training.Loading

let private random seed =
    BatchRandom(seed, BatchKey(BatchPurpose.Training, 1, seed))

let private shape (numbers: int list) = [| for n in numbers -> int64 n |]

/// A step of a preset, chosen by its change.
let private pick choose steps = [
    for step in steps do
        match step with
        | AugmentationStep.Intensity(_, _, change) when choose change -> step
        | _ -> ()
]

/// What steps make of many copies of one volume: for each sample and channel its voxels.
let private changed steps (size: int list) samples channels (voxels: float32[]) : float[][][] =
    use _ = torch.NewDisposeScope()
    let volume = torch.tensor(voxels).reshape(shape (1 :: 1 :: size))
    let image = volume.expand(shape (samples :: channels :: size)).clone()
    let segmentation = torch.zeros (shape (samples :: 1 :: size), torch.int16)

    let struct (image, _) = Augmenter(steps, size).Apply(image, segmentation, random 11)

    let all = image.contiguous().data<float32>().ToArray() |> Array.map float
    all |> Array.chunkBySize voxels.Length |> Array.chunkBySize channels

let private differs (voxels: float32[]) (found: float[]) =
    Array.exists2 (fun a b -> float a <> b) voxels found

/// Checks how often samples, and channels of the samples that were taken, are changed; gives the changed channels.
let private happens probability channelProbability (voxels: float32[]) (found: float[][][]) =
    let channels = float found[0].Length
    // A sample of which no channel was drawn looks untouched.
    let visible = probability * (1.0 - (1.0 - channelProbability) ** channels)
    Statistics.share visible [ for sample in found -> Array.exists (differs voxels) sample ] "samples"

    Statistics.share
        (probability * channelProbability)
        [ for sample in found -> differs voxels sample[0] ]
        "first channels"

    [|
        for sample in found do
            yield! Array.filter (differs voxels) sample
    |]

let private constant value count = Array.replicate count (float32 value)

let private noise () =
    let found =
        changed (Augmentation.nnUNet |> pick _.IsGaussianNoise) [ 4; 8; 8 ] 1200 2 (constant 0.0 256)

    let deviation values =
        sqrt (Array.averageBy (fun v -> v * v) values)

    let rows = happens 0.1 1.0 (constant 0.0 256) found
    Statistics.uniform 0.0 0.1 0.012 (Array.map deviation rows) "deviation"

    for sample in found do
        if deviation sample[0] > 0.01 then
            Expect.isLessThan
                (abs (deviation sample[0] / deviation sample[1] - 1.0))
                0.25
                "one deviation for all channels of a sample"

            Expect.notEqual sample[0] sample[1] "but other voxels"

/// The sigma that makes the weights of a filter fall as they do from the middle to its neighbours.
let private sigmas (size: int) (found: float[]) =
    let marginal axis =
        found
        |> Array.mapi (fun i v ->
            let coordinates = [| i / (size * size); i / size % size; i % size |]
            coordinates[axis], v)
        |> Array.groupBy fst
        |> Array.sortBy fst
        |> Array.map (snd >> Array.sumBy snd)

    [|
        for axis in 0..2 ->
            let weights = marginal axis
            sqrt (-0.5 / log (weights[size / 2 + 1] / weights[size / 2]))
    |]

let private impulse (size: int) =
    let voxels = constant 0.0 (size * size * size)
    voxels[voxels.Length / 2] <- 1f
    voxels

let private blur () =
    let size = 9

    let rows =
        changed (Augmentation.nnUNet |> pick _.IsGaussianBlur) [ size; size; size ] 800 2 (impulse size)
        |> happens 0.2 0.5 (impulse size)
        |> Array.map (sigmas size)

    for axis in 0..2 do
        Statistics.uniform 0.5 1.0 1e-3 [ for row in rows -> row[axis] ] $"sigma along axis {axis}"

    Expect.isFalse (rows |> Array.exists (fun s -> abs (s[0] - s[1]) < 1e-6)) "each axis its own"

let private brightness () =
    changed (Augmentation.nnUNet |> pick _.IsBrightness) [ 1; 1; 2 ] 4000 2 (constant 2.0 2)
    |> happens 0.15 1.0 (constant 2.0 2)
    |> fun rows -> Statistics.aroundOne 0.75 1.25 1e-5 [ for row in rows -> row[0] / 2.0 ] "factor"

let private contrast () =
    let voxels = [| -2f; -0.5f; 0.5f; 2f |]

    let rows =
        changed (Augmentation.nnUNet |> pick _.IsContrast) [ 1; 2; 2 ] 4000 2 voxels
        |> happens 0.15 1.0 voxels

    Statistics.aroundOne 0.75 1.25 1e-5 [ for row in rows -> row[2] / 0.5 ] "factor"

    for row in rows do
        Expect.isLessThanOrEqual row[3] 2.0 "cut to the former range"

/// An image that is 1 where x = y is down- and upsampled to a matrix whose rank is the number of voxels in between.
let private identity size =
    Array.init (size * size) (fun i -> if i / size = i % size then 1f else 0f)

let private scales size (rows: float[][]) = [
    for row in rows ->
        use matrix = torch.tensor(row).reshape(int64 size, int64 size)
        use rank = torch.linalg.matrix_rank (matrix, 1e-4)
        float (rank.item<int64>()) / float size
]

let private lowResolution () =
    let size = 40

    let rows =
        changed (Augmentation.nnUNet |> pick _.IsLowResolution) [ 1; size; size ] 1600 2 (identity size)
        |> happens (0.25 * 39.75 / 40.0) 0.5 (identity size)

    // Scales that round to the full size leave no trace.
    Statistics.uniform 0.5 0.9875 0.0125 (scales size rows) "scale"

let private exponent inverted (row: float[]) =
    let row = if inverted then Array.map (~-) row |> Array.rev else row
    let low, high = row[0], row[row.Length - 1]
    log ((row[16] - low) / (high - low)) / log (16.0 / float (row.Length - 1))

let private gamma () =
    let ramp = Array.init 64 (fun i -> float32 i / 63f)

    for probability, inverted in [ 0.1, true; 0.3, false ] do
        let isIt =
            function
            | IntensityChange.Gamma(_, i) -> i = inverted
            | _ -> false

        let rows =
            changed (Augmentation.nnUNet |> pick isIt) [ 4; 4; 4 ] 4000 2 ramp
            |> happens probability 1.0 ramp

        Statistics.aroundOne 0.7 1.5 1e-3 (Array.map (exponent inverted) rows) "exponent"

        for row in rows do
            Expect.floatClose Accuracy.low (Array.average row) 0.5 "mean kept"

let private mirror () =
    use _ = torch.NewDisposeScope()

    let image =
        torch
            .arange(60, dtype = torch.float32)
            .reshape(1L, 1L, 3L, 4L, 5L)
            .expand(1000L, 1L, 3L, 4L, 5L)
            .clone()

    let segmentation = image.``to`` torch.int16

    let struct (image, segmentation) =
        Augmenter(
            Augmentation.nnUNet |> List.filter (fun s -> s = Augmentation.mirroring.Head),
            [| 3; 4; 5 |]
        )
            .Apply(image, segmentation, random 3)

    Expect.isTrue (image.eq(segmentation).all().item<bool>()) "image and segmentation alike"

    let corners =
        image.select(2, 0).select(2, 0).select(2, 0).flatten().data<float32>().ToArray()

    for axis, step, last in [ "z", 20, 2; "y", 5, 3; "x", 1, 4 ] do
        Statistics.share 0.5 [ for c in corners -> int c / step % (last + 1) = last ] $"flips along {axis}"

    Expect.equal (Set.ofArray corners).Count 8 "every combination"

/// The matrices by which an affine step samples: read from an image whose channels are the coordinates. Where the step
/// leaves a sample alone the matrix is the identity.
let private matrices steps (patch: int list) samples : float[,][] =
    use _ = torch.NewDisposeScope()
    let augmenter = Augmenter(steps, patch)
    let size = List.ofSeq augmenter.InitialPatch

    let coordinates =
        torch.stack [|
            for axis in 0..2 ->
                let n = size[axis]

                let line =
                    torch.arange (n, dtype = torch.float32) - (float32 (n - 1) / 2f).ToScalar()

                line.reshape([| for i in 0..2 -> if i = axis then int64 n else 1L |]).expand(shape size)
        |]

    let image = coordinates.unsqueeze(0).expand(shape (samples :: 3 :: size)).clone()
    // Label 1 where z is above the middle.
    let segmentation = image.narrow(1, 0, 1).gt(0.0f.ToScalar()).``to`` torch.int16

    let struct (image, segmentation) = augmenter.Apply(image, segmentation, random 23)

    let above, labelled =
        image.narrow(1, 0, 1).gt(0.6f.ToScalar()), segmentation.eq ((1).ToScalar())

    let inside = segmentation.ge ((0).ToScalar())

    Expect.isTrue
        (above.logical_and(inside).logical_and(labelled.logical_not ()).any().item<bool>()
         |> not)
        "the segmentation moves with the image"

    let values = image.contiguous().data<float32>().ToArray() |> Array.map float
    let count = List.reduce (*) patch
    let middle = [ for n in patch -> n / 2 ]

    let at sample channel (place: int list) =
        let index = (place[0] * patch[1] + place[1]) * patch[2] + place[2]
        values[(sample * 3 + channel) * count + index]

    [|
        for sample in 0 .. samples - 1 ->
            Array2D.init 3 3 (fun row column ->
                let before = middle |> List.mapi (fun axis n -> if axis = column then n - 1 else n)
                at sample row middle - at sample row before)
    |]

let private column (m: float[,]) j =
    sqrt (m[0, j] ** 2.0 + m[1, j] ** 2.0 + m[2, j] ** 2.0)

/// Angles about z, y, x as the rules order them, in radians.
let private angles (m: float[,]) =
    let r = m |> Array2D.mapi (fun _ j v -> v / column m j)

    [|
        atan2 r[2, 1] r[2, 2]
        -asin(max -1.0 (min 1.0 r[2, 0]))
        atan2 r[1, 0] r[0, 0]
    |]

let private isTurned m =
    angles m |> Array.exists (fun a -> abs a > 1e-3)

let private isScaled m = abs (column m 0 - 1.0) > 1e-4

let private limit = Math.PI / 6.0

let private affine () =
    let found = matrices [ Augmentation.nnUNet.Head ] [ 10; 12; 10 ] 700
    let turned, scaled = Array.filter isTurned found, Array.filter isScaled found
    Statistics.share 0.2 (Seq.map isTurned found) "turned"
    Statistics.share 0.2 (Seq.map isScaled found) "scaled"
    Statistics.share 0.04 (Seq.map (fun m -> isTurned m && isScaled m) found) "both, independently"

    for axis in 0..2 do
        Statistics.uniform
            -limit
            limit
            1e-3
            [ for m in turned -> (angles m)[axis] ]
            $"angle about axis {axis}"

    Statistics.uniform 0.7 1.4 1e-3 [ for m in scaled -> column m 0 ] "scale"

    for m in scaled do
        Expect.floatClose Accuracy.low (column m 1) (column m 0) "one scale for all axes"

let private dummy () =
    let found = matrices [ Augmentation.nnUNet.Head ] [ 4; 16; 16 ] 700

    for m in found do
        for i in 0..2 do
            Expect.floatClose Accuracy.low m[0, i] (if i = 0 then 1.0 else 0.0) "slices stay"
            Expect.floatClose Accuracy.low m[i, 0] (if i = 0 then 1.0 else 0.0) "slices stay"

    let angle (m: float[,]) = atan2 m[2, 1] m[1, 1]
    let turned = found |> Array.filter (fun m -> abs (angle m) > 1e-3)
    Statistics.share 0.2 [ for m in found -> abs (angle m) > 1e-3 ] "turned"
    Statistics.uniform -Math.PI Math.PI 1e-2 (Seq.map angle turned) "angle in the plane"
    let scaled = found |> Array.filter (fun m -> abs (column m 1 - 1.0) > 1e-4)
    Statistics.uniform 0.7 1.4 1e-3 [ for m in scaled -> column m 1 ] "scale"

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
    testList "training/augmentation/draws" [
        for name, run in
            [
                "affine", affine
                "affine, slice by slice", dummy
                "noise", noise
                "blur", blur
                "brightness", brightness
                "contrast", contrast
                "low resolution", lowResolution
                "gamma", gamma
                "mirror", mirror
                "DA5: affine", affineOfDa5
                "DA5: quarter turns", quarterTurns
                "DA5: axes change places", permutations
                "DA5: median or blur", medianOrBlur
                "DA5: blur", blurOfDa5
                "DA5: contrast", contrastOfDa5
                "DA5: shift", shift
                "DA5: low resolution", lowResolutionOfDa5
                "DA5: gamma", gammaOfDa5
                "DA5: rectangles", rectangles
                "DA5: gradient", gradient
                "DA5: local gamma", localGamma
                "DA5: sharpening", sharpening
            ] do
            testCase name run
    ]
