module MedSegDsl.Tests.Runtime.Preprocessing.NormalizationTests

open System
open System.IO
open Expecto
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Planning
open MedSegDsl.Runtime.Preprocessing.Normalization
open MedSegDsl.Tests.Golden

let golden =
    let file = Folder.at [ "pipeline"; "unit"; "normalization.json" ]

    testList "golden/pipeline/unit/normalization" [
        if File.Exists file then
            let document = Folder.read file

            let intensities =
                let number (name: string) =
                    Expectations.number (document.GetProperty("intensity_properties").GetProperty name)

                IntensityProperties(
                    number "mean",
                    number "std",
                    number "min",
                    number "max",
                    number "median",
                    number "percentile_00_5",
                    number "percentile_99_5"
                )

            for case in document.GetProperty("cases").EnumerateArray() do
                let key = string (case.GetProperty "key")
                let scheme = string (case.GetProperty "scheme")

                yield test $"{key} {scheme}" {
                    let shape = Expectations.intList (case.GetProperty "shape")
                    let scale = Expectations.number (case.GetProperty "scale")
                    let offset = Expectations.number (case.GetProperty "offset")

                    let voxels =
                        Formula.unit key (Formula.count shape)
                        |> Array.map (fun u -> float32 (u * scale + offset))

                    let labels =
                        Formula.labels (key + "/seg") shape 3 |> Array.map (fun l -> int16 (l - 1))

                    let useMask = case.GetProperty("use_mask_for_norm").GetBoolean()
                    IntensityNormalization.Create(scheme, useMask, intensities).Apply(voxels, labels)

                    Expectations.matchesFloats
                        1e-6
                        (case.GetProperty "output")
                        shape
                        (Array.map float voxels)
                        key
                }
    ]

let private none = IntensityProperties(0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)

let private normalize scheme useMask (voxels: float32[]) (labels: int16[]) =
    let result = Array.copy voxels
    IntensityNormalization.Create(scheme, useMask, none).Apply(result, labels)
    result

let tests =
    testList "runtime/preprocessing/normalization" [
        testProperty
            "a z-score under the mask changes only the mask, to mean 0 and deviation 1"
            (fun (seed: int) ->
                let random = Random seed
                let labels = Array.init (random.Next(1, 200)) (fun _ -> int16 (random.Next(-1, 2)))

                let voxels =
                    labels |> Array.map (fun _ -> float32 (random.NextDouble() * 1000.0 + 500.0))

                let result = normalize "ZScoreNormalization" true voxels labels

                let inside = [|
                    for i in 0 .. labels.Length - 1 do
                        if labels[i] >= 0s then
                            float result[i]
                |]

                for i in 0 .. labels.Length - 1 do
                    if labels[i] < 0s then
                        Expect.equal result[i] voxels[i] "outside the mask"

                if inside.Length > 1 then
                    let mean = Array.average inside
                    let variance = inside |> Array.averageBy (fun v -> (v - mean) ** 2.0)
                    Expect.isLessThan (abs mean) 1e-3 "mean"
                    Expect.isLessThan (abs (variance - 1.0)) 1e-3 "variance")
        test "colours outside 0 to 255 are refused" {
            Expect.throwsT<UserException>
                (fun () -> normalize "RGBTo01Normalization" false [| 0f; 256f |] [| 0s; 0s |] |> ignore)
                "256"
        }
        test "an unknown scheme is refused with the known ones" {
            let line =
                try
                    IntensityNormalization.Create("Magic", false, none) |> ignore
                    ""
                with :? UserException as error ->
                    error.Message

            Expect.stringContains line "ZScoreNormalization" "the known schemes"
        }
    ]
