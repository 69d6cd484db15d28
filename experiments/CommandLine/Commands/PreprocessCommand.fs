/// `medseg preprocess 901`: the training cases of a dataset, ready to train.
module MedSegDsl.Experiments.CommandLine.Commands.PreprocessCommand

open System
open Argu
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Planning
open MedSegDsl.Runtime.Preprocessing
open MedSegDsl.Experiments.CommandLine
open MedSegDsl.Experiments.CommandLine.Arguments

/// Preprocesses some configurations of a planned dataset; finished cases are kept.
let preprocess (folders: NnUNetFolders) dataset plansName (configurations: string list) options =
    let target = folders.PreprocessedDataset dataset
    let preprocessor =
        DatasetPreprocessor(folders.RawDataset dataset, target, Plans.ReadFrom(target, plansName))
    CaseBar.run $"preprocessing {dataset}" (fun report ->
        preprocessor.Run(
            Array.ofList configurations,
            options,
            Action<PreprocessingProgress>(fun progress ->
                report progress.Done progress.Total $"{progress.Configuration} {progress.CaseId}")
        ))

let run (args: ParseResults<PreprocessArgs>) =
    let folders = NnUNetFolders.FromEnvironment()
    let dataset = folders.DatasetName(args.GetResult PreprocessArgs.Dataset)
    let standard = PreprocessingOptions.Default
    let options =
        PreprocessingOptions(
            args.GetResult(Workers, standard.Threads),
            standard.MemoryBytes,
            args.Contains Overwrite
        )
    let plans = args.GetResult(PreprocessArgs.Plans, "nnUNetPlans")
    preprocess folders dataset plans (args.GetResult(Configurations, [ "3d_fullres" ])) options
    printfn "preprocessed data are in %s" (folders.PreprocessedDataset dataset)
    Exit.done'
