/// `medseg plan 901`: fingerprint and plans of a raw dataset.
module MedSegDsl.Experiments.CommandLine.Commands.PlanCommand

open Argu
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Planning
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine.Arguments

let run (args: ParseResults<PlanArgs>) =
    let folders = NnUNetFolders.FromEnvironment()

    let settings =
        PlanningSettings(
            Planner.ByName(args.GetResult(Planner, "ExperimentPlanner")),
            args.TryGetResult Memory_Target |> Option.toNullable,
            PlansName = (args.TryGetResult Plans_Name |> Option.toObj)
        )

    let dataset = folders.DatasetName(args.GetResult PlanArgs.Dataset)

    Planning.plan folders dataset settings (args.Contains Verify_Dataset_Integrity)
    |> Planning.show

    Exit.done'
