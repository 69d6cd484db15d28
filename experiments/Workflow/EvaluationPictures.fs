/// Pictures of an evaluation: its worst and its best cases, and a box plot of each metric.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Workflow.EvaluationPictures

open System.Collections.Generic
open System.IO
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Runtime.Pictures

/// Where nnU-Net keeps the images of a folder of labels: `imagesTs` beside `labelsTs`.
let imagesOf (labels: string) =
    let folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath labels)
    let name = string (Path.GetFileName folder)
    Path.Combine(string (Path.GetDirectoryName folder), name.Replace("labels", "images"))

/// The worst cases by their mean Dice and the best of the others, each with its place: `worst_1` is the worst.
let private chosen count (report: MetricsReport) =
    let sorted =
        Seq.zip report.Cases (report.CaseMeans Metric.Dice)
        |> Seq.filter (snd >> System.Double.IsFinite)
        |> Seq.sortBy snd
        |> List.ofSeq

    let worst = List.truncate count sorted
    let best = sorted |> List.skip worst.Length |> List.rev |> List.truncate count

    [
        for place, case in List.indexed worst -> $"worst_{place + 1}", case
        for place, case in List.indexed best -> $"best_{place + 1}", case
    ]

let private boxes folder (report: MetricsReport) =
    for metric in report.Request.Rules.Shown do
        let rows = [|
            for name in report.Classes -> struct (name, (report.Values(name, metric): IReadOnlyList<float>))
        |]

        let file = (metric.Name.Split(' ')[0]).ToLowerInvariant()

        MetricBoxPicture.Write(
            Path.Combine(folder, $"boxes_{file}.png"),
            $"{metric.Name} by class, {report.Cases.Count} cases",
            metric.Name,
            rows
        )

/// Writes the pictures of so many worst and best cases, in the chosen slices or those that show most, and the box plots.
/// Gives a line for each case without a picture.
let write
    (dataset: DatasetJson)
    (images: string)
    count
    (slices: SliceChoice option)
    (summary: EvaluationSummary)
    (report: MetricsReport)
    folder
    =
    boxes folder report

    let files =
        dict [
            for case in summary.Cases ->
                (string (Path.GetFileName case.PredictionFile)).Replace(dataset.FileEnding, ""), case
        ]

    [
        for place, (case, dice) in chosen count report do
            let image = Path.Combine(images, $"{case.Case}_0000{dataset.FileEnding}")

            if not (File.Exists image) then
                $"{image}: no such image, so {case.Case} has no picture; give the folder with --images"
            else
                try
                    CasePicture.Write(
                        Path.Combine(folder, $"{place}_{case.Case}.png"),
                        case.Case,
                        $"mean Dice %.3f{dice}, {place.Replace('_', ' ')} of {report.Cases.Count}",
                        image,
                        files[case.Case].PredictionFile,
                        files[case.Case].ReferenceFile,
                        dataset,
                        slices = Option.toObj slices
                    )
                with :? UserException as failure ->
                    failure.Message
    ]
