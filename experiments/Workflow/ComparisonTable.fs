/// A comparison of trained models as tables: for a paper, and with every number for further work.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Workflow.ComparisonTable

open System
open System.Globalization
open MedSegDsl
open MedSegDsl.Runtime.Comparison
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Runtime.Files
open MedSegDsl.Runtime.Statistics

/// What is not there. Never a zero.
[<Literal>]
let private missing = "–"

let private fixedPoint (digits: int) (value: float) =
    if Double.IsFinite value then
        value.ToString($"F{digits}", CultureInfo.InvariantCulture)
    else
        missing

let private spread digits (sample: Sample) =
    if sample.Count = 0 then
        missing
    elif Double.IsFinite sample.Deviation then
        $"{fixedPoint digits sample.Mean} ± {fixedPoint digits sample.Deviation}"
    else
        fixedPoint digits sample.Mean

let private pValue (value: float) =
    if Double.IsNaN value then missing
    elif value < 0.001 then "<0.001"
    else fixedPoint 3 value

let private column alignment header = {
    Header = header
    Alignment = alignment
}

let private text value = [ TableLine.Text value ]

let private strongIf condition value =
    if condition then [ TableLine.Strong value ] else text value

let private cost (model: ComparedModel) (value: ModelCost -> string) =
    match model.Cost with
    | null -> missing
    | cost -> value cost

/// Whether a value is the smallest of those that are there, where there are several.
let private isLeast (models: ComparedModel seq) (value: ModelCost -> float) (model: ComparedModel) =
    let all = [
        for other in models do
            match other.Cost with
            | null -> ()
            | cost when Double.IsFinite(value cost) -> value cost
            | _ -> ()
    ]

    match model.Cost with
    | null -> false
    | own -> all.Length > 1 && Double.IsFinite(value own) && value own = List.min all

let private gibibytes (bytes: float) = bytes / float (1L <<< 30)

let private costs = [
    "Parameters (M)", (fun (cost: ModelCost) -> float cost.Parameters / 1e6), 2
    "FLOPs (G)", (fun cost -> float cost.MultiplyAdds / 1e9), 2
    "Latency (ms)", (fun cost -> cost.LatencyMs), 1
    "Memory (GiB)", (fun cost -> gibibytes cost.PredictionBytes), 2
    "Training memory (GiB)", (fun cost -> gibibytes cost.TrainingBytes), 2
]

/// What files have beside it.
let private activations =
    "Activations (GiB)", (fun (cost: ModelCost) -> gibibytes (float cost.ActivationBytes)), 2

/// The costs, where some model has a definition to take them from. What was not measured is shown as missing.
let private costsOf (models: ComparedModel seq) =
    if models |> Seq.forall (fun model -> isNull model.Cost) then
        []
    else
        costs

let private metricCell (comparison: ModelComparison) index =
    let result = comparison.Results[index]
    let digits = comparison.Metric.Digits
    let struct (lower, upper) = result.Interval

    [
        yield!
            strongIf
                (comparison.Best.HasValue
                 && comparison.Best.Value = index
                 && comparison.Models.Count > 1)
                (spread digits result.Cases)
        if Double.IsFinite lower && result.Cases.Count > 1 then
            TableLine.Text $"{fixedPoint digits lower} to {fixedPoint digits upper}"
        if result.Infinite > 0 then
            TableLine.Text $"{result.Infinite} without a value"
    ]

let private referenceOf (comparison: ModelComparison) =
    if comparison.Reference.HasValue then
        comparison.Models[comparison.Reference.Value].Name
    else
        missing

/// On which machine latency and memory were measured, and how; or that they were not.
let private measured (models: ComparedModel seq) =
    let devices =
        [
            for model in models do
                match model.Cost with
                | null -> ()
                | cost ->
                    match cost.Measured with
                    | null -> ()
                    | figures -> figures.Device
        ]
        |> List.distinct

    match devices with
    | [] when models |> Seq.forall (fun model -> isNull model.Cost) -> []
    | [] -> [ "Latency and memory were not measured." ]
    | devices ->
        let places = String.concat ", " devices

        [
            "Latency (the median) and memory (the peak of network and pass) of a prediction, and memory of a forward and backward \
             pass: one patch in float32, measured on "
            + places
            + "."
        ]

let private notes rules (comparisons: ModelComparison list) =
    let first = comparisons.Head

    let reference =
        if
            comparisons
            |> List.forall (fun comparison -> comparison.Reference = first.Reference)
        then
            referenceOf first
        else
            "the best of each metric"

    [
        "Mean ± standard deviation over cases (of each the mean over its classes and over seeds), 95 % bootstrap interval \
         of the mean below; the best is bold."
        $"p: Wilcoxon signed-rank test of the same cases against {reference}, corrected by Holm."
        $"Evaluated by the rules {rules}. FLOPs: multiply–adds of one patch."
        yield! measured first.Models
        for comparison in comparisons do
            if comparison.LeftOut.Count > 0 then
                $"{comparison.Metric.Name}: of the objects that every network found; {comparison.LeftOut.Count} objects (a class of a case) \
                 are left out, because a network missed or invented them."
        for model in first.Models do
            for line in model.Missing do
                $"Missing: {line}."
    ]

/// The table of a paper: a row for each model.
let paper title rules (comparisons: ModelComparison list) : Table =
    let models = comparisons.Head.Models
    let costs = costsOf models

    {
        Title = title
        Columns = [
            column Alignment.Left "Network"
            column Alignment.Right "Cases"
            for comparison in comparisons do
                column Alignment.Right comparison.Metric.Name
                column Alignment.Right $"p ({comparison.Metric.Name.Split(' ')[0]})"
            for header, _, _ in costs do
                column Alignment.Right header
        ]
        Rows = [
            for index, model in Seq.indexed models do
                [
                    text model.Name
                    text (if model.Cases = 0 then missing else string model.Cases)
                    for comparison in comparisons do
                        metricCell comparison index
                        text (pValue comparison.Results[index].PValue)
                    for _, value, digits in costs do
                        strongIf
                            (isLeast models value model)
                            (cost model (fun cost -> fixedPoint digits (value cost)))
                ]
        ]
        Footer = []
        Notes = notes rules comparisons
    }

/// Mean ± standard deviation over cases, over folds and over seeds, a row for each model and metric.
let deviations (comparisons: ModelComparison list) : Table = {
    Title = "Deviations"
    Columns = [
        column Alignment.Left "Network"
        column Alignment.Left "Metric"
        for header in [ "over cases"; "n"; "over folds"; "n"; "over seeds"; "n" ] do
            column Alignment.Right header
    ]
    Rows = [
        for index, model in Seq.indexed comparisons.Head.Models do
            for comparison in comparisons do
                let result = comparison.Results[index]

                [
                    text model.Name
                    text comparison.Metric.Name
                    for sample in [ result.Cases; result.Folds; result.Seeds ] do
                        text (spread comparison.Metric.Digits sample)
                        text (string sample.Count)
                ]
    ]
    Footer = []
    Notes = []
}

/// Mean ranks, a row for each model that has values, the best first.
let ranks (comparison: ModelComparison) : Table option =
    match comparison.Ranks() with
    | null -> None
    | ranks ->
        let critical = ranks.Table.CriticalDifference()

        Some {
            Title = $"Ranks by {comparison.Metric.Name}"
            Columns = [ column Alignment.Left "Network"; column Alignment.Right "mean rank" ]
            Rows = [
                for name, rank in Seq.zip ranks.Names ranks.Table.MeanRanks |> Seq.sortBy snd ->
                    [ text name; text (fixedPoint 2 rank) ]
            ]
            Footer = []
            Notes = [
                $"Over {ranks.Table.Cases} cases that all have."
                $"Friedman test p {pValue ranks.Table.PValue}; critical difference (Nemenyi, 0.05) {fixedPoint 2 critical}."
            ]
        }

/// Every number, a row for each model and metric.
let csv (comparisons: ModelComparison list) =
    let header = [
        "network"
        "metric"
        "cases"
        "mean"
        "sd over cases"
        "95% lower"
        "95% upper"
        "folds"
        "sd over folds"
        "seeds"
        "sd over seeds"
        "infinite"
        "p (Wilcoxon, Holm)"
        "reference"
        for header, _, _ in costs @ [ activations ] do
            header
        "measured on"
    ]

    let rows = [
        for index, model in Seq.indexed comparisons.Head.Models do
            for comparison in comparisons do
                let result = comparison.Results[index]
                let struct (lower, upper) = result.Interval

                [
                    model.Name
                    comparison.Metric.Name
                    string result.Cases.Count
                    Csv.Number result.Cases.Mean
                    Csv.Number result.Cases.Deviation
                    Csv.Number lower
                    Csv.Number upper
                    string result.Folds.Count
                    Csv.Number result.Folds.Deviation
                    string result.Seeds.Count
                    Csv.Number result.Seeds.Deviation
                    string result.Infinite
                    Csv.Number result.PValue
                    referenceOf comparison
                    for _, value, _ in costs @ [ activations ] do
                        match model.Cost with
                        | null -> ""
                        | cost -> Csv.Number(value cost)
                    match model.Cost with
                    | null -> ""
                    | cost ->
                        match cost.Measured with
                        | null -> ""
                        | figures -> figures.Device
                ]
    ]

    header :: rows |> List.map (fun row -> Csv.Line row + "\n") |> String.concat ""
