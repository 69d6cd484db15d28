/// How often each change of nnU-Net's default augmentation happens and how strong it is: read back from what it does to
/// images made for that, and compared with the rules (tests/golden/pipeline/TRAINING_RULES.md, section 5).
module MedSegDsl.Tests.Runtime.Training.AugmentationDrawTests

open System
open Expecto
open TorchSharp
open MedSegDsl
open MedSegDsl.Runtime.Training.Augmentations
open MedSegDsl.Tests.Runtime.Training.AugmentationDraws

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

let private lowResolution () =
    let size = 40

    let rows =
        changed (Augmentation.nnUNet |> pick _.IsLowResolution) [ 1; size; size ] 1600 2 (identity size)
        |> happens (0.25 * 39.75 / 40.0) 0.5 (identity size)

    // Scales that round to the full size leave no trace.
    Statistics.uniform 0.5 0.9875 0.0125 (scales size rows) "scale"

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
            ] do
            testCase name run
    ]
