/// `medseg plan 901`: fingerprint and plans of a raw dataset.
module MedSegDsl.Experiments.CommandLine.Commands.PlanCommand

open System
open Argu
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Planning
open MedSegDsl.Experiments.CommandLine
open MedSegDsl.Experiments.CommandLine.Arguments

let private caseProgress (report: CaseBar.Report) =
    { new IProgress<CaseProgress> with
        member _.Report progress =
            report progress.Done progress.Total progress.CaseId
    }

/// Plans a dataset with progress on the console.
let plan (folders: NnUNetFolders) dataset (settings: PlanningSettings) verify =
    CaseBar.run $"planning {dataset}" (fun report ->
        ExperimentPlanner.Plan(
            folders,
            dataset,
            PlanOptions(
                Settings = settings,
                VerifyIntegrity = verify,
                Threads = Environment.ProcessorCount,
                IntegrityProgress = caseProgress report,
                FingerprintProgress = caseProgress report
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

let run (args: ParseResults<PlanArgs>) =
    let folders = NnUNetFolders.FromEnvironment()
    let dataset = folders.DatasetName(args.GetResult PlanArgs.Dataset)
    let settings =
        PlanningSettings(
            Planner.ByName(args.GetResult(Planner, "ExperimentPlanner")),
            args.TryGetResult Memory_Target |> Option.toNullable,
            PlansName = (args.TryGetResult Plans_Name |> Option.toObj)
        )
    plan folders dataset settings (args.Contains Verify_Dataset_Integrity) |> show
    Exit.done'
