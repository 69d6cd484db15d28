/// What augmentation did to images made for that, and how often: for the tests of its draws.
module MedSegDsl.Tests.Runtime.Training.AugmentationDraws

open System
open Expecto
open TorchSharp
open MedSegDsl
open MedSegDsl.Runtime.Training.Augmentations
open MedSegDsl.Runtime.Training.Loading

let random seed =
    BatchRandom(seed, BatchKey(BatchPurpose.Training, 1, seed))

let shape (numbers: int list) = [| for n in numbers -> int64 n |]

/// A step of a preset, chosen by its change.
let pick choose steps = [
    for step in steps do
        match step with
        | AugmentationStep.Intensity(_, _, change) when choose change -> step
        | _ -> ()
]

/// What steps make of many copies of one volume: for each sample and channel its voxels.
let changed steps (size: int list) samples channels (voxels: float32[]) : float[][][] =
    use _ = torch.NewDisposeScope()
    let volume = torch.tensor(voxels).reshape(shape (1 :: 1 :: size))
    let image = volume.expand(shape (samples :: channels :: size)).clone()
    let segmentation = torch.zeros (shape (samples :: 1 :: size), torch.int16)

    let struct (image, _) = Augmenter(steps, size).Apply(image, segmentation, random 11)

    let all = image.contiguous().data<float32>().ToArray() |> Array.map float
    all |> Array.chunkBySize voxels.Length |> Array.chunkBySize channels

let differs (voxels: float32[]) (found: float[]) =
    Array.exists2 (fun a b -> float a <> b) voxels found

/// Checks how often samples, and channels of the samples that were taken, are changed; gives the changed channels.
let happens probability channelProbability (voxels: float32[]) (found: float[][][]) =
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

let constant value count = Array.replicate count (float32 value)

/// The sigma that makes the weights of a filter fall as they do from the middle to its neighbours.
let sigmas (size: int) (found: float[]) =
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

let impulse (size: int) =
    let voxels = constant 0.0 (size * size * size)
    voxels[voxels.Length / 2] <- 1f
    voxels

/// An image that is 1 where x = y is down- and upsampled to a matrix whose rank is the number of voxels in between.
let identity size =
    Array.init (size * size) (fun i -> if i / size = i % size then 1f else 0f)

let scales size (rows: float[][]) = [
    for row in rows ->
        use matrix = torch.tensor(row).reshape(int64 size, int64 size)
        use rank = torch.linalg.matrix_rank (matrix, 1e-4)
        float (rank.item<int64>()) / float size
]

let exponent inverted (row: float[]) =
    let row = if inverted then Array.map (~-) row |> Array.rev else row
    let low, high = row[0], row[row.Length - 1]
    log ((row[16] - low) / (high - low)) / log (16.0 / float (row.Length - 1))

/// The matrices by which an affine step samples: read from an image whose channels are the coordinates. Where the step
/// leaves a sample alone the matrix is the identity.
let matrices steps (patch: int list) samples : float[,][] =
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

let column (m: float[,]) j =
    sqrt (m[0, j] ** 2.0 + m[1, j] ** 2.0 + m[2, j] ** 2.0)

/// Angles about z, y, x as the rules order them, in radians.
let angles (m: float[,]) =
    let r = m |> Array2D.mapi (fun _ j v -> v / column m j)

    [|
        atan2 r[2, 1] r[2, 2]
        -asin(max -1.0 (min 1.0 r[2, 0]))
        atan2 r[1, 0] r[0, 0]
    |]

let isTurned m =
    angles m |> Array.exists (fun a -> abs a > 1e-3)

let isScaled m = abs (column m 0 - 1.0) > 1e-4

let limit = Math.PI / 6.0
