module MedSegDsl.Tests.Runtime.FingerprintTests

open System
open System.IO
open Expecto
open FsCheck
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Planning
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

let private statistics (p: IntensityProperties) = [
    "mean", p.Mean
    "std", p.Std
    "min", p.Min
    "max", p.Max
    "median", p.Median
    "percentile_00_5", p.Percentile005
    "percentile_99_5", p.Percentile995
]

let private golden =
    testList "golden/fingerprints" [
        for name in Folder.folders [ "pipeline"; "planned" ] do
            let file = Folder.at [ "pipeline"; "planned"; name; "dataset_fingerprint.json" ]
            let raw = Folder.at [ "pipeline"; "raw"; name ]

            if File.Exists file && Directory.Exists raw then
                test name {
                    let dataset = DatasetJson.ReadFrom raw
                    let cases = CaseList.Training(raw, dataset)
                    let reader = ImageReaders.For(dataset, cases[0].Images[0])

                    let made =
                        FingerprintExtractor.Extract(cases, dataset, reader, CaseLoop(2, Int64.MaxValue))

                    let expected = DatasetFingerprint.Read file
                    Expect.equal (List.ofSeq made.Shapes) (List.ofSeq expected.Shapes) "shapes"
                    Expect.equal (List.ofSeq made.Spacings) (List.ofSeq expected.Spacings) "spacings"

                    Expectations.close
                        1e-12
                        0.0
                        expected.MedianRelativeSize
                        made.MedianRelativeSize
                        "relative size"

                    for channel in 0 .. expected.Intensities.Count - 1 do
                        for (key, e), (_, a) in
                            List.zip
                                (statistics expected.Intensities[channel])
                                (statistics made.Intensities[channel]) do
                            Expectations.close 1e-5 (abs e - 1.0) e a $"channel {channel}: {key}"

                    TemporaryFolder.using' (fun folder ->
                        let path = Path.Combine(folder, "f.json")
                        expected.Write path

                        Expect.equal
                            (File.ReadAllText path)
                            (File.ReadAllText file)
                            "written as nnU-Net does")
                }
    ]

/// numpy's linear percentile of sorted values.
let private percentile (sorted: float[]) q =
    let index = q / 100.0 * float (sorted.Length - 1)
    let below = int index
    let above = min (below + 1) (sorted.Length - 1)
    sorted[below] + (sorted[above] - sorted[below]) * (index - float below)

let private config = {
    FsCheckConfig.defaultConfig with
        maxTest = 200
}

let private sample =
    testList "runtime/weighted sample" [
        testPropertyWithConfig
            config
            "agrees with the sorted list"
            (fun (parts: (int16 * byte)[][]) (whole: bool) (NormalFloat scale) ->
                let value (v: int16) =
                    if whole then
                        float32 v
                    else
                        float32 (float v * (abs scale + 0.1) * 0.37)

                let sample = WeightedSample()

                for part in parts do
                    let counts = part |> Array.map (fun (_, c) -> int c % 3)
                    sample.Add(ReadOnlySpan(Array.map (fst >> value) part), ReadOnlySpan counts)

                let all = [|
                    for part in parts do
                        for v, c in part do
                            for _ in 1 .. int c % 3 do
                                float (value v)
                |]

                Array.sortInPlace all
                let made = sample.Summarize()
                Expect.equal sample.Total (int64 all.Length) "total"

                if all.Length = 0 then
                    Expect.isTrue (Double.IsNaN made.Mean) "nothing drawn"
                else
                    let mean = Array.average all
                    let std = sqrt (Array.averageBy (fun v -> (v - mean) ** 2.0) all)
                    let size = Array.maxBy abs all |> abs

                    for name, e, a in
                        [
                            "mean", mean, made.Mean
                            "std", std, made.Std
                            "min", all[0], made.Min
                            "max", Array.last all, made.Max
                            "median", percentile all 50.0, made.Median
                            "0.5", percentile all 0.5, made.Percentile005
                            "99.5", percentile all 99.5, made.Percentile995
                        ] do
                        Expectations.close 1e-6 size e a name)

        test "channels without any foreground" {
            let numbers = statistics (WeightedSample().Summarize())
            Expect.isTrue (numbers |> List.forall (snd >> Double.IsNaN)) "NaN"
        }
    ]

let tests = testList "" [ golden; sample ]
