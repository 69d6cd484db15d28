/// All metrics of one large case with many classes: two label maps in memory, as `medseg evaluate` measures them.
module MedSegDsl.Bench.Evaluation

open System.Diagnostics
open System.Threading.Tasks
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Runtime.Imaging

let private shape = [| 300; 512; 512 |]
let private spacing = [| 2.0; 0.8; 0.8 |]

/// Centres and radii in voxels (z, y, x), about those of the 15 organs of AMOS in an abdominal CT.
let private organs = [|
    [| 210; 300; 380; 25; 45; 40 |]
    [| 170; 320; 160; 28; 36; 34 |]
    [| 172; 320; 350; 28; 36; 34 |]
    [| 120; 230; 170; 14; 20; 20 |]
    [| 240; 310; 265; 55; 14; 14 |]
    [| 205; 240; 180; 45; 95; 110 |]
    [| 205; 220; 340; 30; 60; 70 |]
    [| 170; 310; 270; 120; 15; 15 |]
    [| 160; 300; 240; 100; 15; 15 |]
    [| 180; 260; 270; 12; 22; 85 |]
    [| 200; 315; 205; 10; 14; 14 |]
    [| 200; 315; 325; 10; 14; 14 |]
    [| 165; 260; 220; 25; 35; 40 |]
    [| 40; 230; 256; 25; 60; 65 |]
    [| 25; 290; 256; 15; 25; 30 |]
|]

let private ellipsoids shift =
    let map = ImageArray<int16>(1, shape)

    Parallel.For(
        0,
        shape[0],
        fun z ->
            organs
            |> Array.iteri (fun i organ ->
                let dz = float (z - organ[0] - shift) / float organ[3]

                for y in max 0 (organ[1] - organ[4]) .. min (shape[1] - 1) (organ[1] + organ[4]) do
                    let dy = float (y - organ[1]) / float organ[4]

                    for x in max 0 (organ[2] - organ[5]) .. min (shape[2] - 1) (organ[2] + organ[5]) do
                        let dx = float (x - organ[2] - shift) / float organ[5]

                        if dz * dz + dy * dy + dx * dx <= 1.0 then
                            map.Data[(z * shape[1] + y) * shape[2] + x] <- int16 (i + 1))
    )
    |> ignore

    map

/// Prints the figure of docs/performance.md.
let run repeats =
    let reference, prediction = ellipsoids 0, ellipsoids 2

    let targets = [
        for label in 1 .. organs.Length -> LabelOrRegion.Label(label, $"organ {label}")
    ]

    let rules = MetricRules.Standard
    let request = MetricRequest(rules, SurfaceTolerances.Same rules.ToleranceMm)

    let seconds = [
        for _ in 1..repeats do
            let watch = Stopwatch.StartNew()
            let histogram = JointHistogram(reference, prediction)

            let counts =
                readOnlyDict [ for target in targets -> target, histogram.Counts target ]

            let case =
                CaseMetrics.Measure(
                    "case",
                    reference,
                    prediction,
                    spacing,
                    counts,
                    request,
                    System.Nullable()
                )

            if repeats = 1 then
                for row in case.Classes do
                    let dice, hd95 = row.Values[Metric.Dice], row.Values[Metric.Hausdorff95]
                    printfn $"{row.Class}: Dice {dice:F3}, HD95 {hd95:F2} mm"

            watch.Elapsed.TotalSeconds
    ]

    printfn
        $"all metrics of {organs.Length} classes of a 512×512×300 case: best of {repeats} {List.min seconds:F1} s, worst {List.max seconds:F1} s"
