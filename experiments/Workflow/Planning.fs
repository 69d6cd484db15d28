/// Planning and preprocessing of a dataset, with progress on the console.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Workflow.Planning

open System
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Planning
open MedSegDsl.Runtime.Preprocessing
open MedSegDsl.Experiments.Console

let private caseProgress (report: CaseBar.Report) what = {
    new IProgress<CaseProgress> with
        member _.Report progress =
            report progress.Done progress.Total $"{what} {progress.CaseId}"
}

/// Fingerprint and plans of a raw dataset.
let plan (folders: NnUNetFolders) dataset (settings: PlanningSettings) verify =
    CaseBar.run $"planning {dataset}" (fun report ->
        ExperimentPlanner.Plan(
            folders,
            dataset,
            PlanOptions(
                Settings = settings,
                VerifyIntegrity = verify,
                Threads = Environment.ProcessorCount,
                IntegrityProgress = caseProgress report "checked",
                FingerprintProgress = caseProgress report "measured"
            )
        ))

/// What was planned, a line for each configuration.
let show (result: PlanResult) =
    let join (values: seq<_>) = String.Join("×", Seq.map string values)

    for warning in result.Warnings do
        eprintfn "warning: %s" warning

    for name in result.Plans.ConfigurationNames do
        let configuration = result.Plans.Configuration name
        let spacing = configuration.Spacing |> Seq.map (fun mm -> Math.Round(mm, 4))

        printfn
            $"%-20s{name} patch {join configuration.PatchSize}, batch {configuration.BatchSize}, spacing {join spacing} mm"

    printfn "wrote %s" result.PlansFile

/// The training cases of a planned dataset, ready to train; finished cases are kept.
let preprocess (folders: NnUNetFolders) dataset plansName (configurations: string list) options =
    let target = folders.PreprocessedDataset dataset

    let preprocessor =
        DatasetPreprocessor(folders.RawDataset dataset, target, Plans.ReadFrom(target, plansName))

    CaseBar.run $"preprocessing {dataset}" (fun report ->
        preprocessor.Run(
            Array.ofList configurations,
            options,
            Action<PreprocessingProgress>(fun progress ->
                if progress.IsNew then
                    report progress.Done progress.Total $"{progress.Configuration} {progress.CaseId}"
                elif progress.Done = progress.Total then
                    printfn "%s: all %d cases were there already" progress.Configuration progress.Total),
            Action<string>(fun note -> eprintfn "%s" note)
        ))
