/// `medseg quickstart`: from a definition to a segmentation, in minutes.
module MedSegDsl.Experiments.CommandLine.Commands.QuickstartCommand

open System.IO
open Argu
open MedSegDsl
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine.Arguments

let run (args: ParseResults<QuickstartArgs>) =
    let folder =
        args.GetResult(QuickstartArgs.Output, Path.Combine("results", "quickstart"))

    QuickStartRun.run folder QuickStart.experiment
    Exit.done'
