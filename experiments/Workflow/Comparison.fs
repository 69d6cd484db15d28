/// Trained models compared: their results read, tables and pictures written.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Workflow.Comparison

open System
open System.Collections.Generic
open System.IO
open MedSegDsl
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Comparison
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Runtime.Files
open MedSegDsl.Runtime.Pictures
open MedSegDsl.Runtime.Selection
open MedSegDsl.Experiments.Console

/// What is compared, and how.
[<NoComparison>]
type Request = {
    Models: ModelResults list
    /// The folds that should be there; none for all that some model has.
    Folds: string list
    Rules: string
    Tolerances: string list
    /// The model that the others are tested against; none for the best.
    Reference: string option
    /// The device on which latency and memory are measured; none for no measurement.
    Measure: string option
}

let private metrics = [ Metric.Dice; Metric.Hausdorff95; Metric.SurfaceDice ]

/// A result, or the line that says why there is none.
let private attempt (make: unit -> 'a) : Result<'a, string> =
    try
        Ok(make ())
    with :? UserException as failure ->
        Error failure.Message

let private foldsOf (request: Request) =
    match request.Folds with
    | [] ->
        [
            for model in request.Models do
                match attempt (fun () -> List.ofSeq (model.Folds())) with
                | Ok folds -> yield! folds
                | Error _ -> ()
        ]
        |> List.distinct
        |> List.sort
    | folds -> folds

/// What a model's network costs, and what was measured of it; null where neither is known.
let private cost (request: Request) (model: ModelResults) =
    if model.IsPredictions then
        null
    else
        match ModelCost.Of model.Folder, request.Measure with
        | NonNull _, Some device ->
            ModelCost.Of(model.Folder, Option.toObj (Measuring.ofModel model.Name device model.Folder))
        | cost, _ -> cost

/// Every model, those that cannot be read without results, and a line for each failure.
let private read (folders: NnUNetFolders) (request: Request) =
    let folds = Array.ofList (foldsOf request)
    let costs = [ for model in request.Models -> attempt (fun () -> cost request model) ]

    CaseBar.run "evaluating" (fun report -> [
        for model, cost in List.zip request.Models costs do
            let results =
                attempt (fun () ->
                    model.Read(
                        folds,
                        (fun dataset -> Evaluation.request dataset request.Rules request.Tolerances),
                        (fun dataset -> ValidationFolds.References(folders, dataset)),
                        (match cost with
                         | Ok cost -> cost
                         | Error _ -> null),
                        (fun done' total training -> report done' total training)
                    ))

            match results, cost with
            | Error line, _ ->
                let missing = $"{model.Name}: its results cannot be read"
                ComparedModel(model.Name, [||], null, [| missing |]), [ line ]
            | Ok results, Error line -> results, [ line ]
            | Ok results, Ok _ -> results, []
    ])
    |> List.unzip
    |> fun (models, failures) -> models, List.concat failures

let private fileName (metric: Metric) =
    (metric.Name.Split(' ')[0]).ToLowerInvariant()

let private pictures folder (comparison: ModelComparison) =
    let file name =
        Path.Combine(folder, $"{name}_{fileName comparison.Metric}.png")

    match comparison.Ranks() with
    | NonNull ranks when ranks.Table.Cases > 0 ->
        CriticalDifferencePicture.Write(
            file "ranks",
            $"Mean ranks by {comparison.Metric.Name}",
            ranks.Names,
            ranks.Table
        )
    | _ -> ()

    let rows = [|
        for index, model in Seq.indexed comparison.Models ->
            struct (model.Name, Array.ofSeq (comparison.CaseValues index).Values :> IReadOnlyList<float>)
    |]

    MetricBoxPicture.Write(
        file "boxes",
        $"{comparison.Metric.Name} of the cases",
        comparison.Metric.Name,
        rows
    )

let private costPicture folder (comparison: ModelComparison) =
    let points = [|
        for model, result in Seq.zip comparison.Models comparison.Results do
            match model.Cost with
            | null -> ()
            | cost when result.Cases.Count = 0 -> ()
            | cost ->
                CostPoint(
                    model.Name,
                    float cost.MultiplyAdds / 1e9,
                    cost.Parameters,
                    result.Cases.Mean,
                    result.Interval
                )
    |]

    if points.Length > 0 then
        CostPicture.Write(
            Path.Combine(folder, "dice_over_flops.png"),
            "Dice and cost of a forward pass, with 95 % intervals",
            comparison.Metric.Name,
            points
        )

/// Reads the results and writes comparison.md, .tex and .csv and the pictures into a folder. Gives the table, and a line for
/// each model that could not be read, whose row says that it is missing.
let run folders (request: Request) (folder: string) : Table * string list =
    let models, failures = read folders request

    if models |> List.forall (fun model -> model.Runs.Count = 0) then
        let lines = models |> List.collect (fun model -> List.ofSeq model.Missing)
        raise (UserException $"""there is nothing to compare: {String.concat "; " lines}""")

    let comparisons = [
        for metric in metrics -> ModelComparison(Array.ofList models, metric, Option.toObj request.Reference)
    ]

    let title =
        $"""Comparison of {String.concat ", " [ for model in models -> model.Name ]}"""

    let table = ComparisonTable.paper title request.Rules comparisons

    let tables = [
        table
        ComparisonTable.deviations comparisons
        yield! List.choose ComparisonTable.ranks comparisons
    ]

    let write name text =
        AtomicFile.WriteText(Path.Combine(folder, name), text)

    write "comparison.md" (tables |> List.map Markdown.render |> String.concat "\n")
    write "comparison.tex" (tables |> List.map Latex.render |> String.concat "\n")
    write "comparison.csv" (ComparisonTable.csv comparisons)
    comparisons |> List.iter (pictures folder)
    costPicture folder comparisons.Head
    table, failures
