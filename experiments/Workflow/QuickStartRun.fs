/// The quick start: plan, preprocess, train, predict the held-out case, evaluate, and show.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Workflow.QuickStartRun

open System
open System.Diagnostics
open System.IO
open System.Reflection
open MedSegDsl
open MedSegDsl.Kernels
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Distributed
open MedSegDsl.Runtime.Files
open MedSegDsl.Runtime.Inference
open MedSegDsl.Runtime.Pictures

/// The datasets that lie beside the program.
let private shippedData =
    Path.Combine(string (Path.GetDirectoryName(Assembly.GetExecutingAssembly().Location)), "data")

/// Copies the shipped dataset to where nnU-Net's raw datasets lie.
let private provideData (folders: NnUNetFolders) dataset =
    let source = Path.Combine(shippedData, dataset)

    if not (Directory.Exists source) then
        raise (UserException $"{source}: the images of the quick start are missing; build the project again")

    for file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories) do
        let target = Path.Combine(folders.Raw, dataset, Path.GetRelativePath(source, file))
        let content = File.ReadAllBytes file
        AtomicFile.Write(target, fun stream -> stream.Write(content, 0, content.Length))

let private writeTable (network: Network) patch channels classes file =
    match Tables.architecture (patch, channels, classes) [ network ] with
    | Ok table -> AtomicFile.WriteText(file, Html.render table)
    | Error errors -> raise (UserException(DslError.render errors))

let private step (clock: Stopwatch) name =
    printfn ""
    printfn "%s  [%s]" name (clock.Elapsed.ToString @"m\:ss")

/// Runs the experiment on the brain images that come with the project; everything it makes lies in the folder.
let run (folder: string) (experiment: Experiment) =
    let clock = Stopwatch.StartNew()

    let inFolder name =
        Path.Combine(Path.GetFullPath folder, name)

    let folders =
        NnUNetFolders(inFolder "nnUNet_raw", inFolder "nnUNet_preprocessed", inFolder "nnUNet_results")

    let dataset = experiment.Dataset.Folder
    let fold, seed = List.head experiment.Folds, List.head experiment.Seeds

    step clock "1/4  planning and preprocessing"
    provideData folders dataset
    Training.prepare SingleProcess.Instance folders experiment

    step clock $"2/4  training {experiment.Network.Name}"
    printfn "%s" (NativeLibtorch.Load().Description)

    let outcome =
        Training.run SingleProcess.Instance folders experiment fold seed false None false

    step clock "3/4  predicting the held-out case"
    let raw = folders.RawDataset dataset
    let predictions = inFolder "predictions"

    let predicted =
        let choice =
            ModelChoice(outcome.Folder.Parent, Folds = [| Training.foldName fold |])

        Prediction.run
            choice
            experiment.Device
            (Path.Combine(raw, "imagesTs"))
            predictions
            (PredictionOptions())

    if predicted.Failures.Count > 0 then
        raise (UserException(String.Join(Environment.NewLine, predicted.Failures)))

    step clock "4/4  evaluating"
    let json = DatasetJson.ReadFrom raw
    let references = Path.Combine(raw, "labelsTs")

    let result =
        Evaluation.evaluate json references predictions (inFolder "summary.json") false None

    match result.Summary with
    | null -> raise (UserException(String.Join(Environment.NewLine, result.Failures)))
    | summary ->
        Evaluation.show summary
        let case = summary.Cases[0]

        let name =
            (string (Path.GetFileName case.PredictionFile)).Replace(json.FileEnding, "")

        let image = Path.Combine(raw, "imagesTs", $"{name}_0000{json.FileEnding}")

        let title =
            $"{name}, held out: mean foreground Dice %.2f{summary.ForegroundMean.Dice}"

        CasePicture.Write(
            inFolder "segmentation.png",
            title,
            experiment.Network.Name,
            image,
            case.PredictionFile,
            case.ReferenceFile,
            json
        )

        File.Copy(outcome.Folder.Progress, inFolder "progress.png", true)

        let patch =
            match experiment.Patch with
            | Planned.Set patch -> patch
            | Planned.FromPlans -> Size3.cube 64

        writeTable
            experiment.Network
            patch
            json.ChannelNames.Count
            json.LabelManager.Outputs
            (inFolder "network.html")

        printfn "mean foreground Dice of the held-out case: %.4f" summary.ForegroundMean.Dice
        printfn "%s after all" (clock.Elapsed.ToString @"m\:ss")

        for file, what in
            [
                "segmentation.png", "image, truth and prediction"
                "progress.png", "the training's curves"
                "network.html", "the network's layers"
                "summary.json", "Dice and IoU"
                "predictions", "the segmentation as .nii.gz"
            ] do
            printfn "  %-60s %s" (Path.Combine(folder, file)) what
