/// Distances between surfaces, and the distance transform beneath them.
module MedSegDsl.Tests.Runtime.Evaluation.SurfaceDistancesTests

open System.Text.Json
open Expecto
open FsCheck.FSharp
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

/// The union of ellipsoids (cz, cy, cx, rz, ry, rx) in voxels.
let private ellipsoids (shape: int[]) (list: JsonElement) =
    let all = [| for e in list.EnumerateArray() -> Expectations.numbers e |]

    let voxels = [|
        for z in 0 .. shape[0] - 1 do
            for y in 0 .. shape[1] - 1 do
                for x in 0 .. shape[2] - 1 ->
                    all
                    |> Array.exists (fun e ->
                        let part axis (i: int) =
                            ((float i - e[axis]) / e[axis + 3]) ** 2.0

                        part 0 z + part 1 y + part 2 x <= 1.0)
    |]

    BinaryMask(voxels, shape)

let private golden =
    testList "golden/pipeline/unit/surface_metrics" [
        for case in UnitFile.rows "surface_metrics" "cases" ->
            let of' (name: string) = case.GetProperty name

            test (string ((of' "name").GetString())) {
                let shape = Expectations.ints (of' "shape")
                let spacing = Expectations.numbers (of' "spacing")
                let prediction = ellipsoids shape (of' "prediction_ellipsoids")
                let reference = ellipsoids shape (of' "reference_ellipsoids")

                Expect.equal
                    prediction.Count
                    ((of' "voxels_prediction").GetInt32())
                    "voxels of the prediction"

                Expect.equal reference.Count ((of' "voxels_reference").GetInt32()) "voxels of the reference"
                let actual = SurfaceDistances.Measure(prediction, reference, spacing)

                let surfaces =
                    (of' "surface_voxels_prediction").GetInt32(), (of' "surface_voxels_reference").GetInt32()

                Expect.equal
                    (actual.FromPrediction.Count, actual.FromReference.Count)
                    surfaces
                    "surface voxels"

                let check (name: string) value =
                    let expected = Expectations.number (of' name)
                    Expectations.close 1e-6 (abs expected) expected value name

                check "hausdorff" actual.Hausdorff
                check "hausdorff95" actual.Hausdorff95
                check "assd" actual.AverageSymmetric

                for tolerance in (of' "nsd").EnumerateObject() do
                    let value = actual.SurfaceDice(float tolerance.Name)

                    Expectations.close
                        1e-6
                        0.0
                        (Expectations.number tolerance.Value)
                        value
                        $"nsd at {tolerance.Name} mm"
            }
    ]

let private masks = gen {
    let! shape = Gen.listOfLength 3 (Gen.choose (1, 7))

    let! voxels =
        Gen.arrayOfLength
            (Formula.count shape)
            (Gen.frequency [ 5, Gen.constant false; 1, Gen.constant true ])

    let! spacing = Gen.listOfLength 3 (Gen.elements [ 0.5; 0.78; 1.0; 2.5; 5.0 ])
    return Array.ofList shape, voxels, Array.ofList spacing
}

let private nearest (shape: int[]) (voxels: bool[]) (spacing: float[]) i =
    let place i = [| i / (shape[1] * shape[2]); i / shape[2] % shape[1]; i % shape[2] |]
    let here = place i

    seq {
        for j in 0 .. voxels.Length - 1 do
            if voxels[j] then
                Array.map3 (fun a b s -> (s * float (a - b)) ** 2.0) here (place j) spacing
                |> Array.sum
    }
    |> Seq.fold min infinity

let private laws =
    testList "runtime/evaluation/surface distances" [
        testPropertyWithConfig FsCheckConfig.defaultConfig "the distance transform finds the nearest voxel"
        <| Prop.forAll (Arb.fromGen masks) (fun (shape, voxels, spacing) ->
            let squared = DistanceTransform.Squared(BinaryMask(voxels, shape), spacing)

            squared
            |> Array.indexed
            |> Array.forall (fun (i, actual) ->
                let expected = nearest shape voxels spacing i
                actual = expected || abs (actual - expected) <= 1e-9 * (1.0 + expected)))
    ]

let tests = testList "" [ golden; laws ]
