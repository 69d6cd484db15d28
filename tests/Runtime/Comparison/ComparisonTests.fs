/// Trained models compared: means, deviations, tests, what is missing, tables and pictures.
module MedSegDsl.Tests.Runtime.Comparison.ComparisonTests

open System
open System.Collections.Generic
open System.IO
open Expecto
open MedSegDsl
open MedSegDsl.Runtime.Comparison
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Runtime.Pictures
open MedSegDsl.Runtime.Statistics
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Tests.Runtime
open MedSegDsl.Tests.Runtime.Selection

let private cases = [
    for i in 0..7 do
        $"case{i}", i % 2
]

let private network = QuickStart.network
let private patch = Size3.create 16 16 16

let private writeExperiment root name =
    let experiment =
        Experiment.create Datasets.realBrain (network |> named name) |> withPatch patch

    TemporaryFolder.write (SmallModels.model root name) [ "experiment.json" ] (Json.ofExperiment experiment)
    |> ignore

/// The reference with the organ's last voxels left out.
let private short voxels =
    SmallModels.reference
    |> Array.mapi (fun i label -> if i > 5 - voxels then 0 else label)

let private dice voxels =
    2.0 * float (4 - voxels) / float (8 - voxels)

/// `Good` misses no voxel or one, `Bad` one or two, and has a second seed; `Half` has one fold of two; `None` has none.
let private results root =
    for case, fold in cases do
        let odd = if case > "case3" then 1 else 0
        SmallModels.writeReference root case
        SmallModels.writeValidation root "Good" fold case (short odd)
        SmallModels.writeValidation root "Bad" fold case (short (1 + odd))
        SmallModels.writeValidation root "Bad_seed2" fold case (short 2)

        if fold = 0 then
            SmallModels.writeValidation root "Half" fold case (short 1)

    SmallModels.describe (SmallModels.model root "None")

    for name in [ "Good"; "Bad" ] do
        writeExperiment root name

let private request root names : Comparison.Request = {
    Models = [ for name in names -> ModelResults(name, SmallModels.model root name) ]
    Folds = []
    Rules = "standard"
    Tolerances = []
    Reference = None
    Measure = None
}

let private compare root request =
    let output = Path.Combine(root, "comparison")
    let _, failures = Comparison.run (SmallModels.folders root) request output
    failures, (fun name -> File.ReadAllText(Path.Combine(output, name)))

let private read root name folds =
    let results = ModelResults(name, SmallModels.model root name)

    results.Read(
        Array.ofList folds,
        (fun dataset -> Evaluation.request dataset "standard" []),
        (fun dataset ->
            MedSegDsl.Runtime.Selection.ValidationFolds.References(SmallModels.folders root, dataset)),
        null
    )

let private near (actual: float) expected what =
    Expect.floatClose Accuracy.high actual expected what

let private numbers =
    testList "numbers" [
        test "cases are means over seeds, folds and seeds have their own deviations" {
            TemporaryFolder.using' (fun root ->
                results root
                let bad = read root "Bad" [ "0"; "1" ]
                Expect.equal bad.Runs.Count 4 "two seeds of two folds"
                Expect.equal bad.Cases 8 "the same cases"
                let values = bad.CaseValues Metric.Dice
                near values["case0"] ((dice 1 + dice 2) / 2.0) "the mean of the seeds"
                near values["case5"] (dice 2) "the same with both seeds"
                let seeds = bad.OverSeeds Metric.Dice
                Expect.equal seeds.Count 2 "seeds"
                near seeds.Mean ((dice 1 + dice 2) / 2.0 / 2.0 + dice 2 / 2.0) "the mean of the seeds' means"
                Expect.equal (bad.OverFolds Metric.Dice).Count 2 "folds"
                near (bad.OverFolds Metric.Dice).Deviation 0.0 "folds are alike")
        }
        test "p-values are those of the signed-rank test on common cases, corrected by Holm" {
            TemporaryFolder.using' (fun root ->
                results root
                let models = [| for name in [ "Good"; "Bad"; "Half" ] -> read root name [ "0"; "1" ] |]
                let comparison = ModelComparison(models, Metric.Dice, null)
                Expect.equal comparison.Best (Nullable 0) "the best"
                let values = [ for model in models -> model.CaseValues Metric.Dice ]

                let raw (other: IReadOnlyDictionary<string, float>) =
                    let common = [|
                        for case, _ in cases do
                            if other.ContainsKey case then
                                case
                    |]

                    WilcoxonSignedRank
                        .Compare(
                            [| for case in common -> other[case] |],
                            [| for case in common -> values[0][case] |]
                        )
                        .PValue

                let expected = Holm.Adjust [| raw values[1]; raw values[2] |]
                Expect.isTrue (Double.IsNaN comparison.Results[0].PValue) "none for the reference"
                near comparison.Results[1].PValue expected[0] "Bad"
                near comparison.Results[2].PValue expected[1] "Half")
        }
        test "metrics beside the predictions are used again, unless the rules are others" {
            TemporaryFolder.using' (fun root ->
                results root
                read root "Good" [ "0" ] |> ignore

                let file =
                    Path.Combine(
                        SmallModels.model root "Good",
                        "fold_0",
                        "validation",
                        MetricsReport.JsonName
                    )

                let written = File.GetLastWriteTimeUtc file
                read root "Good" [ "0" ] |> ignore
                Expect.equal (File.GetLastWriteTimeUtc file) written "not written again"

                ModelResults("Good", SmallModels.model root "Good")
                    .Read(
                        [| "0" |],
                        (fun dataset -> Evaluation.request dataset "brats" []),
                        (fun dataset ->
                            MedSegDsl.Runtime.Selection.ValidationFolds.References(
                                SmallModels.folders root,
                                dataset
                            )),
                        null
                    )
                |> ignore

                Expect.equal (MetricsReport.Read file).Request.Rules.Name "brats" "new rules")
        }
    ]

let private tables =
    testList "tables" [
        test "what is missing is shown as missing" {
            TemporaryFolder.using' (fun root ->
                results root

                let failures, file = compare root (request root [ "Good"; "Bad"; "Half"; "None" ])
                Expect.isEmpty failures "missing folds are no failure"
                let markdown: string = file "comparison.md"

                let row name =
                    markdown.Split('\n')
                    |> Array.find (fun (line: string) -> line.StartsWith $"| {name} |")

                Expect.stringStarts (row "Half") "| Half | 4 | 0.857 ± 0.000" "its four cases"

                let cells =
                    (row "None")
                        .Split('|', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)

                Expect.all (Array.skip 1 cells) (fun cell -> cell = "–") "nothing but dashes"
                Expect.stringContains (row "Good") "**0.929 ± 0.076**" "the best is bold"
                Expect.stringContains markdown "Missing: Half: seed 1, fold 1: no" "a missing fold"
                Expect.stringContains markdown "Missing: None: seed 1, fold 0, 1: no" "a missing model"
                Expect.stringContains (file "comparison.tex") @"\textbf{0.929 $\pm$ 0.076}" "bold in LaTeX"
                let csv = (file "comparison.csv").Split('\n')
                Expect.stringStarts csv[0] "network,metric,cases,mean,sd over cases" "header"
                Expect.hasLength csv (1 + 4 * 3 + 1) "a row for each model and metric"

                Expect.exists
                    csv
                    (fun line -> line.StartsWith "None,Dice,0,,,,,0,,0,,0,")
                    "no zeros for what is missing")
        }
        test "a model that cannot be read is missing, the others are compared" {
            TemporaryFolder.using' (fun root ->
                results root
                let experiment = Path.Combine(SmallModels.model root "Bad", "experiment.json")
                File.WriteAllText(experiment, "{}")
                let failures, file = compare root (request root [ "Good"; "Bad"; "Gone" ])
                Expect.hasLength failures 2 "a line for each"
                Expect.stringContains failures[0] experiment "the damaged one"
                Expect.stringContains failures[1] "Gone" "the one that is not there"
                let markdown: string = file "comparison.md"
                Expect.stringContains markdown "| Gone | – | – |" "a row of dashes"
                Expect.stringContains markdown "| Bad | 8 | 0." "results without costs"
                Expect.stringContains markdown "were not measured" "said")
        }
        test "a distance is compared on the objects that every model found" {
            TemporaryFolder.using' (fun root ->
                results root
                // One that finds the organ in one case of all, and there without an error.
                for case, fold in cases do
                    let found = if case = "case0" then short 0 else Array.zeroCreate 10
                    SmallModels.writeValidation root "Blind" fold case found

                let models = [| for name in [ "Bad"; "Blind" ] -> read root name [ "0"; "1" ] |]
                let comparison = ModelComparison(models, Metric.Hausdorff95, null)
                Expect.equal comparison.LeftOut.Count 7 "the objects that one missed"
                Expect.equal comparison.Results[1].Infinite 7 "by it"
                Expect.equal comparison.Results[0].Infinite 0 "not by the other"
                Expect.equal comparison.Results[0].Cases.Count 1 "the case that both have"

                let _, file = compare root (request root [ "Bad"; "Blind" ])

                Expect.stringContains
                    (file "comparison.md")
                    "7 objects (a class of a case) are left out"
                    "said")
        }
        test "costs are the definition's" {
            TemporaryFolder.using' (fun root ->
                results root
                let cost = nonNull (ModelCost.Of(SmallModels.model root "Good"))

                match NetworkCost.ofNetwork (patch, 1, 2) (network |> named "Good") with
                | Error errors -> failtest (DslError.render errors)
                | Ok expected ->
                    Expect.equal cost.Parameters expected.Total.ParameterCount "parameters"
                    Expect.equal cost.MultiplyAdds expected.Total.MultiplyAdds "multiply–adds"

                Expect.isNull (ModelCost.Of(SmallModels.model root "Half")) "none without an experiment")
        }
        test "a reference that is not compared is named" {
            TemporaryFolder.using' (fun root ->
                results root

                TemporaryFolder.expectsLine [ "Best"; "Good, Bad" ] (fun () ->
                    compare root {
                        request root [ "Good"; "Bad" ] with
                            Reference = Some "Best"
                    }
                    |> ignore))
        }
        test "nothing to compare is said" {
            TemporaryFolder.using' (fun root ->
                results root

                TemporaryFolder.expectsLine [ "nothing to compare"; "None" ] (fun () ->
                    compare root {
                        request root [ "None" ] with
                            Folds = [ "0" ]
                    }
                    |> ignore))
        }
    ]

let private isPng (file: string) =
    use bitmap = SkiaSharp.SKBitmap.Decode file
    not (isNull bitmap) && bitmap.Width > 500 && bitmap.Height > 200

let private pictures =
    testList "pictures" [
        test "ranks, boxes and cost are drawn" {
            TemporaryFolder.using' (fun root ->
                results root
                compare root (request root [ "Good"; "Bad"; "Half" ]) |> ignore

                for name in
                    [
                        "dice_over_flops"
                        "ranks_dice"
                        "boxes_dice"
                        "ranks_hd95"
                        "boxes_hd95"
                        "boxes_nsd"
                    ] do
                    let file = Path.Combine(root, "comparison", name + ".png")
                    Expect.isTrue (File.Exists file && isPng file) name)
        }
        test "bars join what does not differ, none within another" {
            let groups (ranks: float list) difference =
                List.ofSeq (CriticalDifferencePicture.Groups(Array.ofList ranks, difference))

            Expect.equal
                (groups [ 1.0; 1.5; 2.4; 4.0 ] 1.0)
                [ struct (0, 1); struct (1, 2) ]
                "two that overlap"

            Expect.equal (groups [ 1.0; 1.5; 1.9; 4.0 ] 1.0) [ struct (0, 2) ] "one, not its parts"
            Expect.isEmpty (groups [ 1.0; 2.0; 3.0 ] 1.0) "a difference as large as the critical one counts"
        }
    ]

let tests = testList "runtime/comparison" [ numbers; tables; pictures ]
