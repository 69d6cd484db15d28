module MedSegDsl.Experiments.Program

open Argu
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.CommandLine.Arguments
open MedSegDsl.Experiments.CommandLine.Commands

let private run =
    function
    | Quickstart args -> QuickstartCommand.run args
    | Convert args -> ConvertCommand.run args
    | Plan args -> PlanCommand.run args
    | Preprocess args -> PreprocessCommand.run args
    | Train args -> TrainCommand.run args
    | Submit args -> SubmitCommand.run args
    | Predict args -> PredictCommand.run args
    | Evaluate args -> EvaluateCommand.run args
    | Ensemble args -> EnsembleCommand.run args
    | Accumulate_Crossval_Results args -> AccumulateCommand.run args
    | Find_Best_Configuration args -> FindBestCommand.run args
    | Apply_Postprocessing args -> ApplyPostprocessingCommand.run args
    | Import args -> ImportCommand.run args
    | Export args -> ExportCommand.run args
    | Compare args -> CompareCommand.run args
    | Table args -> TableCommand.run args
    | Measure args -> MeasureCommand.run args
    | List args -> ListCommand.run args
    | Inspect args -> InspectCommand.run args

[<EntryPoint>]
let main args =
    Exit.guard (fun () ->
        let parser = ArgumentParser.Create<Command>(programName = "medseg")
        parser.ParseCommandLine(args).GetSubCommand() |> run)
