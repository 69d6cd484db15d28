/// The augmentation's deterministic parts against tests/golden/pipeline/unit/augmentation.json, and what each change does.
module MedSegDsl.Tests.Runtime.Training.AugmentationTests

open System.Text.Json
open Expecto
open TorchSharp
open MedSegDsl
open MedSegDsl.Runtime.Training.Augmentations
open MedSegDsl.Runtime.Training.Augmentations.Intensity
open MedSegDsl.Runtime.Training.Augmentations.Spatial
open MedSegDsl.Runtime.Training.Loading
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

let private shaped (values: 'a[]) (make: 'a[] -> torch.Tensor) (shape: int list) =
    (make values).reshape [| for n in shape -> int64 n |]

let private floats (tensor: torch.Tensor) =
    tensor.contiguous().data<float32>().ToArray()

let private wide (tensor: torch.Tensor) = floats tensor |> Array.map float

let private labels (tensor: torch.Tensor) =
    tensor.contiguous().data<int16>().ToArray() |> Array.map int

let private sizes (tensor: torch.Tensor) = [ for n in tensor.shape -> int n ]

let private spatial index (case: JsonElement) = test $"spatial {index}" {
    use _ = torch.NewDisposeScope()
    let shape = Expectations.intList (case.GetProperty "shape")
    let patch = Expectations.intList (case.GetProperty "patch")
    let size = ResizeArray patch
    let key = string (case.GetProperty("key").GetString())
    let volume = List.tail shape

    let image =
        shaped (Formula.unitSingle key (Formula.count shape)) (fun v -> torch.tensor v) shape

    let segmentation =
        let block = case.GetProperty("segmentation_block").GetInt32()
        let offset = case.GetProperty("segmentation_offset").GetInt32()
        let count = case.GetProperty("segmentation_labels").GetInt32()
        let key = string (case.GetProperty("segmentation_key").GetString())

        let values =
            Formula.blobs key volume count [ for _ in volume -> block ]
            |> Array.map (fun l -> int16 (l + offset))

        shaped values (fun v -> torch.tensor v) (1 :: volume)

    let angles = case.GetProperty "angles_radians"

    let outImage, outSegmentation =
        if angles.ValueKind = JsonValueKind.Null then
            CentralCrop.Apply(image, size, 0.0), CentralCrop.Apply(segmentation, size, -1.0)
        else
            let matrix =
                AffineSampling.Matrix(
                    Expectations.numbers angles,
                    Expectations.numbers (case.GetProperty "scales")
                )

            let grid =
                AffineSampling.Grid(matrix, size, [| for n in volume -> int64 n |], torch.CPU)

            AffineSampling.Image(image, grid), AffineSampling.Segmentation(segmentation, grid)

    Expectations.matchesFloats 2e-5 (case.GetProperty "image") (sizes outImage) (wide outImage) "image"

    Expectations.matchesLabels
        (case.GetProperty "segmentation")
        (sizes outSegmentation)
        (labels outSegmentation)
        "segmentation"
}

let private intensity (input: JsonElement) index (case: JsonElement) =
    let name = string (case.GetProperty("transform").GetString())

    test $"{name} {index}" {
        use _ = torch.NewDisposeScope()
        let shape = Expectations.intList (input.GetProperty "shape")
        let key = string (input.GetProperty("key").GetString())

        let scale, offset =
            input.GetProperty("scale").GetDouble(), input.GetProperty("offset").GetDouble()

        let rows =
            shaped
                (Formula.unit key (Formula.count shape)
                 |> Array.map (fun u -> float32 (u * scale + offset)))
                (fun v -> torch.tensor v)
                shape

        let number (name: string) = case.GetProperty(name).GetDouble()
        let flag (name: string) = case.GetProperty(name).GetBoolean()
        let channels = shape.Head
        let each value = Array.replicate channels value

        let eachVolume (change: torch.Tensor -> unit) =
            for channel in 0L .. int64 channels - 1L do
                change rows[channel]

        match name with
        | "gamma" -> Gamma.Apply(rows, each (number "gamma"), flag "invert", flag "retain_stats")
        | "contrast" -> Contrast.Apply(rows, each (number "factor"), flag "preserve_range")
        | "brightness" -> Brightness.Apply(rows, each (number "factor"))
        | "low_resolution" ->
            eachVolume (fun volume -> LowResolution.Apply(volume, number "scale", flag "ignore_first_axis"))
        | "gaussian_blur" -> GaussianBlur.Apply(rows, each (Expectations.numbers (case.GetProperty "sigmas")))
        | "mirror" ->
            let axes = [| for axis in Expectations.ints (case.GetProperty "axes") -> int64 axis + 1L |]

            rows.copy_ (rows.flip axes) |> ignore
        | other -> failtest $"{other}: a transform that is not known here"

        Expectations.matchesFloats 2e-5 (case.GetProperty "output") (sizes rows) (wide rows) name
    }

let goldenTests =
    testList "golden/augmentation" [
        for index, case in Seq.indexed (UnitFile.rows "augmentation" "spatial") do
            spatial index case

        let file = Folder.at [ "pipeline"; "unit"; "augmentation.json" ]

        if System.IO.File.Exists file then
            match (Folder.read file).TryGetProperty "intensity" with
            | true, intensities ->
                for index, case in Seq.indexed (intensities.GetProperty("cases").EnumerateArray()) do
                    intensity intensities index case
            | _ -> ()
    ]

let private random seed =
    BatchRandom(seed, BatchKey(BatchPurpose.Training, 0, 0))

/// A noisy image and blocky labels, −1 among them.
let private sample (size: int list) batch channels seed =
    let shape = batch :: channels :: size
    let mask = batch :: 1 :: size

    let image =
        shaped (Formula.unitSingle $"augment/{seed}" (Formula.count shape)) (fun v -> torch.tensor v) shape

    let blocks = Formula.blobs $"augment/{seed}/s" mask 4 [ 1; 1; 2; 2; 2 ]

    image, shaped (blocks |> Array.map (fun l -> int16 (l - 1))) (fun v -> torch.tensor v) mask

let private initial (augmenter: Augmenter) = List.ofSeq augmenter.InitialPatch

/// The steps on a batch, twice with the same random numbers and once with others.
let private repeated steps (patch: int list) =
    let augmenter = Augmenter(steps, patch)

    let run seed =
        use _ = torch.NewDisposeScope()
        let image, segmentation = sample (initial augmenter) 4 2 1

        let struct (image, segmentation) = augmenter.Apply(image, segmentation, random seed)

        sizes image, sizes segmentation, floats image, labels segmentation

    run 5, run 5, run 6

let private median (volume: float32[]) (shape: int list) size =
    let d, h, w = shape[0], shape[1], shape[2]

    let mirrored length i =
        let folded = ((i % (2 * length)) + 2 * length) % (2 * length)
        min folded (2 * length - 1 - folded)

    [|
        for z in 0 .. d - 1 do
            for y in 0 .. h - 1 do
                for x in 0 .. w - 1 ->
                    let window = [|
                        for a in 0 .. size - 1 do
                            for b in 0 .. size - 1 do
                                for c in 0 .. size - 1 ->
                                    let at length i offset = mirrored length (i - size / 2 + offset)

                                    volume[(at d z a * h + at h y b) * w + at w x c]
                    |]

                    (Array.sort window)[window.Length / 2]
    |]

let tests =
    testList "training/augmentation" [
        for name, steps in
            [
                "nnUNet", Augmentation.nnUNet
                "noMirroring", Augmentation.noMirroring
                "da5", Augmentation.da5
                "mirroring", Augmentation.mirroring
                "off", Augmentation.off
            ] do
            for patch in [ [ 12; 12; 10 ]; [ 4; 16; 16 ] ] do
                test $"{name} on {patch}: the patch's size, the same for the same random numbers" {
                    let (shape, mask, image, segmentation), again, other = repeated steps patch
                    Expect.equal shape (4 :: 2 :: patch) "image"
                    Expect.equal mask (4 :: 1 :: patch) "segmentation"
                    Expect.equal again (shape, mask, image, segmentation) "the same again"

                    if not steps.IsEmpty then
                        Expect.notEqual other (shape, mask, image, segmentation) "other random numbers"

                    Expect.isTrue (Array.forall System.Single.IsFinite image) "finite"
                    Expect.isEmpty (Set.ofArray segmentation - Set.ofList [ -1; 0; 1; 2 ]) "labels"
                }

        test "2D patches are turned, changed and mirrored" {
            use _ = torch.NewDisposeScope()
            let augmenter = Augmenter(Augmentation.nnUNet, [| 16; 20 |])
            Expect.equal (List.ofSeq augmenter.MirrorAxes) [ 0; 1 ] "axes"
            let size = initial augmenter

            let image, segmentation =
                torch.rand [| for n in 8 :: 1 :: size -> int64 n |],
                torch.zeros ([| for n in 8 :: 1 :: size -> int64 n |], torch.int16)

            let struct (image, segmentation) = augmenter.Apply(image, segmentation, random 1)
            Expect.equal (sizes image) [ 8; 1; 16; 20 ] "image"
            Expect.equal (sizes segmentation) [ 8; 1; 16; 20 ] "segmentation"
        }

        test "what is cut from the image follows from patch, rotation and margin" {
            let size steps (patch: int list) = initial (Augmenter(steps, patch))

            let turnedTo degrees = [
                for step in Augmentation.nnUNet do
                    match step with
                    | AugmentationStep.Spatial(p, SpatialChange.Affine change) ->
                        AugmentationStep.Spatial(
                            p,
                            SpatialChange.Affine {
                                change with
                                    Rotation = Rotation.Degrees degrees
                            }
                        )
                    | other -> other
            ]

            // 64·cos 30° + 64·sin 30° = 87.4
            Expect.equal
                (size Augmentation.nnUNet [ 64; 64; 64 ])
                [ 102; 102; 102 ]
                "nnU-Net: divided by 0.85"

            Expect.equal (size Augmentation.da5 [ 64; 64; 64 ]) [ 124; 124; 124 ] "DA5: divided by 0.7"
            Expect.equal (size (turnedTo 0.0) [ 64; 64; 64 ]) [ 75; 75; 75 ] "no rotation"
            Expect.equal (size Augmentation.mirroring [ 64; 64; 64 ]) [ 64; 64; 64 ] "flips alone"
            Expect.equal (size Augmentation.off [ 64; 64; 64 ]) [ 64; 64; 64 ] "nothing"
        }

        test "prediction mirrors along the axes that training mirrors" {
            let axes steps =
                List.ofSeq (Augmenter(steps, [| 8; 8; 8 |]).MirrorAxes)

            Expect.equal (axes Augmentation.nnUNet) [ 0; 1; 2 ] "nnUNet"
            Expect.equal (axes Augmentation.noMirroring) [] "noMirroring"
            Expect.equal (axes Augmentation.off) [] "off"
            let some = AugmentationStep.Spatial(1.0, SpatialChange.Mirror [ 0; 1 ])
            Expect.equal (axes [ some ]) [ 0; 1 ] "two axes"
        }

        test "channels normalized inside the mask are 0 outside of it" {
            use _ = torch.NewDisposeScope()

            let noise =
                AugmentationStep.Intensity(1.0, 1.0, IntensityChange.BrightnessShift 1.0)

            let augmenter = Augmenter([ noise ], [| 6; 6; 6 |], [| 1 |])
            let image, segmentation = sample [ 6; 6; 6 ] 2 2 3

            let struct (image, segmentation) = augmenter.Apply(image, segmentation, random 2)

            let outside = segmentation.lt((0).ToScalar()).squeeze(1L)

            let values (channel: int64) =
                image.select(1L, channel).masked_select outside

            Expect.isTrue (values(1L).eq((0).ToScalar()).all().item<bool>()) "the masked channel"
            Expect.isFalse (values(0L).eq((0).ToScalar()).any().item<bool>()) "the other channel"
        }

        for size in 2..5 do
            test $"the median of cubes of {size} is what sorting gives" {
                use _ = torch.NewDisposeScope()
                let shape = [ 4; 5; 6 ]
                let values = Formula.unitSingle "augment/median" 120
                let volume = shaped (Array.copy values) (fun v -> torch.tensor v) shape
                MedianFilter.Apply(volume, size)
                Expect.equal (floats volume) (median values shape size) "medians"
            }

        test "a constant image stays as it is under blur, median and low resolution" {
            use _ = torch.NewDisposeScope()
            let rows = torch.full ([| 1L; 7L; 8L; 9L |], 3.0f.ToScalar())
            GaussianBlur.Apply(rows, [| [| 1.0; 0.5; 1.5 |] |])
            MedianFilter.Apply(rows[0L], 4)
            LowResolution.Apply(rows[0L], 0.4, false)

            Expect.isLessThan ((rows - 3.0f.ToScalar()).abs().max().item<float32>()) 1e-5f "values"
        }

        test "blur along an axis shorter than the filter folds back" {
            use _ = torch.NewDisposeScope()
            let rows = shaped [| 1f; 0f |] (fun v -> torch.tensor v) [ 1; 2; 1; 1 ]
            GaussianBlur.Apply(rows, [| [| 1.0; 1.0; 1.0 |] |])
            let out = floats rows
            Expect.floatClose Accuracy.medium (float (Array.sum out)) 1.0 "sum"
            Expect.isGreaterThan out[0] out[1] "still brighter where it was"
        }
    ]
