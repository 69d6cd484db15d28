/// `medseg preprocess 901`: the training cases of a dataset, ready to train.
module MedSegDsl.Experiments.CommandLine.Commands.PreprocessCommand

open Argu
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Preprocessing
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine.Arguments

let run (args: ParseResults<PreprocessArgs>) =
    let folders = NnUNetFolders.FromEnvironment()
    let dataset = folders.DatasetName(args.GetResult PreprocessArgs.Dataset)
    let standard = PreprocessingOptions.Default

    let options =
        PreprocessingOptions(
            args.GetResult(Workers, standard.Threads),
            standard.MemoryBytes,
            args.Contains PreprocessArgs.Overwrite,
            args.Contains Compress
        )

    let plans = args.GetResult(PreprocessArgs.Plans, "nnUNetPlans")
    Planning.preprocess folders dataset plans (args.GetResult(Configurations, [ "3d_fullres" ])) options
    printfn "preprocessed data are in %s" (folders.PreprocessedDataset dataset)
    Exit.done'
