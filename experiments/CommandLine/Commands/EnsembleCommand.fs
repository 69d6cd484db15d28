/// `medseg ensemble -i FOLDER FOLDER -o FOLDER`: the average of several predictions.
module MedSegDsl.Experiments.CommandLine.Commands.EnsembleCommand

open Argu
open MedSegDsl.Runtime.Inference
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.CommandLine.SelectionArguments

let run (args: ParseResults<EnsembleArgs>) =
    let output = args.GetResult EnsembleArgs.Output

    let failures =
        Ensemble.Folders(
            Array.ofList (args.GetResult EnsembleArgs.Input),
            output,
            args.Contains EnsembleArgs.Save_Probabilities
        )

    printfn "segmentations are in %s" output
    Exit.withFailures failures
