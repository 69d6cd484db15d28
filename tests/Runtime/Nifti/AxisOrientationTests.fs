module MedSegDsl.Tests.Runtime.AxisOrientationTests

open Expecto
open FsCheck
open FsCheck.FSharp
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Tests.Golden

/// Oblique affines; what nibabel's io_orientation and as_reoriented give for a volume of 2 × 3 × 4 voxels numbered in file
/// order: patient axis and flip of each file axis, new affine, numbers in the new file order.
/// (The order in which nearly tied axes are assigned changed in nibabel in 2025; these have no near ties.)
let private fromNibabel = [
    [ 0.13; -0.13; 0.64; 0.1; -0.54; 0.36; 1.3; 0.95; -0.7; -1.27; -0.62; 0.04 ],
    [ 1, true; 2, true; 0, false ],
    [ 0.64; -0.13; 0.13; -0.03; 1.3; 0.54; -0.36; 1.13; -0.62; 0.7; 1.27; -3.2 ],
    [
        5
        11
        17
        23
        4
        10
        16
        22
        3
        9
        15
        21
        2
        8
        14
        20
        1
        7
        13
        19
        0
        6
        12
        18
    ]
    [ -0.54; -0.32; 0.41; 1.04; -0.13; 1.37; -0.67; 0.35; 0.9; 0.09; -0.74; -0.92 ],
    [ 0, true; 1, false; 2, true ],
    [ 0.54; -0.32; -0.41; 1.73; 0.13; 1.37; 0.67; -1.79; -0.9; 0.09; 0.74; -2.24 ],
    [
        19
        18
        21
        20
        23
        22
        13
        12
        15
        14
        17
        16
        7
        6
        9
        8
        11
        10
        1
        0
        3
        2
        5
        4
    ]
    [ 1.8; 1.32; 0.36; -1.21; 0.0; 0.66; -1.29; 0.4; 0.43; 0.7; -1.18; -0.66 ],
    [ 0, false; 1, false; 2, true ],
    [ 1.8; 1.32; -0.36; -0.13; 0.0; 0.66; 1.29; -3.47; 0.43; 0.7; 1.18; -4.2 ],
    [
        18
        19
        20
        21
        22
        23
        12
        13
        14
        15
        16
        17
        6
        7
        8
        9
        10
        11
        0
        1
        2
        3
        4
        5
    ]
    [ 0.33; -0.26; 1.58; 1.32; 0.63; -2.2; 0.05; 0.68; 1.0; -0.62; 1.82; -1.32 ],
    [ 2, false; 1, true; 0, false ],
    [ 1.58; 0.26; 0.33; 0.8; 0.05; 2.2; 0.63; -3.72; 1.82; 0.62; 1.0; -2.56 ],
    [
        4
        10
        16
        22
        2
        8
        14
        20
        0
        6
        12
        18
        5
        11
        17
        23
        3
        9
        15
        21
        1
        7
        13
        19
    ]
    [ 0.19; -0.63; -0.38; -1.09; -1.28; 0.63; 0.58; 1.29; -0.75; 1.69; -0.29; 1.57 ],
    [ 1, true; 2, false; 0, true ],
    [ 0.38; -0.19; -0.63; -2.04; -0.58; 1.28; 0.63; 1.75; 0.29; 0.75; 1.69; -0.05 ],
    [
        19
        13
        7
        1
        18
        12
        6
        0
        21
        15
        9
        3
        20
        14
        8
        2
        23
        17
        11
        5
        22
        16
        10
        4
    ]
]

let private matrix (rows: float list) =
    Array2D.init 4 4 (fun r c ->
        if r = 3 then
            (if c = 3 then 1.0 else 0.0)
        else
            rows[4 * r + c])

let tests =
    testList "runtime/axis orientation" [
        for affine, axes, expected, order in fromNibabel ->
            test $"as nibabel: %A{axes}" {
                let orientation = AxisOrientation.Of(matrix affine)

                Expect.equal
                    (List.zip (List.ofSeq orientation.PatientAxis) (List.ofSeq orientation.Flipped))
                    axes
                    "axes"

                let voxels = ImageArray<float32>(Array.init 24 float32, 1, [| 4; 3; 2 |])
                let moved = orientation.ToCanonical voxels
                Expect.equal (Array.map int moved.Data) (Array.ofList order) "voxels"
                Expect.equal (orientation.FromCanonical moved).Data voxels.Data "and back"
                let result = orientation.AffineToCanonical(matrix affine, [| 4; 3; 2 |])

                expected
                |> List.iteri (fun i e -> Expectations.close 1e-6 (abs e) e result[i / 4, i % 4] "affine")

                let spacing = orientation.SpacingToCanonical [| 3.0; 2.0; 1.0 |]

                axes
                |> List.iteri (fun axis (target, _) ->
                    Expect.equal spacing[2 - target] (float (axis + 1)) "spacing")
            }
    ]
