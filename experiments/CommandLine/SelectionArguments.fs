/// The words of the commands that choose between trained models, nnU-Net's.
module MedSegDsl.Experiments.CommandLine.SelectionArguments

open Argu
open MedSegDsl.Experiments.CommandLine

[<RequireQualifiedAccess>]
type EnsembleArgs =
    | [<AltCommandLine("-i"); Mandatory>] Input of FOLDER: string list
    | [<AltCommandLine("-o"); Mandatory>] Output of FOLDER: string
    | [<AltCommandLine("--save_npz")>] Save_Probabilities

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | EnsembleArgs.Input _ -> "two or more folders of predictions made with --save_probabilities"
            | EnsembleArgs.Output _ -> Help.segmentations
            | EnsembleArgs.Save_Probabilities -> "also write CASE.npz with the averages"

[<RequireQualifiedAccess>]
type AccumulateArgs =
    | [<MainCommand; ExactlyOnce>] Dataset of ID: string
    | [<AltCommandLine("-n")>] Network of NAME: string
    | [<AltCommandLine("-tr")>] Trainer of NAME: string
    | [<AltCommandLine("-c")>] Configuration of NAME: string
    | [<AltCommandLine("-p")>] Plans of NAME: string
    | [<AltCommandLine("-f")>] Folds of FOLD: string list
    | [<AltCommandLine("-o")>] Output of FOLDER: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | AccumulateArgs.Dataset _ -> Help.dataset
            | AccumulateArgs.Network _ -> Help.network
            | AccumulateArgs.Trainer _ ->
                "instead of --network: the first part of the folder's name, such as nnUNetTrainer"
            | AccumulateArgs.Configuration _ -> Help.configuration
            | AccumulateArgs.Plans _ -> Help.plans
            | AccumulateArgs.Folds _ -> Help.folds
            | AccumulateArgs.Output _ -> "default: crossval_results_folds_0_1_2_3_4 in the model's folder"

[<RequireQualifiedAccess>]
type FindBestArgs =
    | [<MainCommand; ExactlyOnce>] Dataset of ID: string
    | [<AltCommandLine("-n")>] Networks of NAME: string list
    | [<AltCommandLine("-tr")>] Trainers of NAME: string list
    | [<AltCommandLine("-c")>] Configurations of NAME: string list
    | [<AltCommandLine("-p")>] Plans of NAME: string list
    | [<AltCommandLine("-f")>] Folds of FOLD: string list
    | [<AltCommandLine("--disable_ensembling")>] Disable_Ensembling

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | FindBestArgs.Dataset _ -> Help.dataset
            | FindBestArgs.Networks _ ->
                "networks that were trained; default: every model in the dataset's folder of results"
            | FindBestArgs.Trainers _ ->
                "instead of --networks: first parts of folder names, such as nnUNetTrainer"
            | FindBestArgs.Configurations _ -> "default: those that were trained"
            | FindBestArgs.Plans _ -> "plans files without .json; default: nnUNetPlans"
            | FindBestArgs.Folds _ -> Help.folds
            | FindBestArgs.Disable_Ensembling ->
                "do not try pairs, which need the probabilities of the validation cases"

[<RequireQualifiedAccess>]
type ApplyPostprocessingArgs =
    | [<AltCommandLine("-i"); Mandatory>] Input of FOLDER: string
    | [<AltCommandLine("-o"); Mandatory>] Output of FOLDER: string
    | [<AltCommandLine("-pp_pkl_file", "-pp_json_file"); Mandatory>] Postprocessing of FILE: string
    | [<AltCommandLine("-dataset_json")>] Dataset_Json of FILE: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | ApplyPostprocessingArgs.Input _ -> "folder of segmentations"
            | ApplyPostprocessingArgs.Output _ -> "folder for the results"
            | ApplyPostprocessingArgs.Postprocessing _ ->
                "the postprocessing.pkl or .json of find-best-configuration, or nnU-Net's"
            | ApplyPostprocessingArgs.Dataset_Json _ ->
                "dataset.json; default: the one in the folder of segmentations"

[<RequireQualifiedAccess>]
type CompareArgs =
    | [<MainCommand; Unique>] Folders of FOLDER: string list
    | [<AltCommandLine("-d")>] Dataset of ID: string
    | [<AltCommandLine("-n")>] Networks of NAME: string list
    | [<AltCommandLine("-c")>] Configuration of NAME: string
    | [<AltCommandLine("-p")>] Plans of NAME: string
    | [<AltCommandLine("-f")>] Folds of FOLD: string list
    | Reference of NAME: string
    | Rules of NAME: string
    | Tolerance of MM: string list
    | [<AltCommandLine("--latency")>] Measure
    | [<AltCommandLine("-device")>] Device of NAME: string
    | [<AltCommandLine("-o")>] Output of FOLDER: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | CompareArgs.Folders _ ->
                "folders of trained models or of evaluated predictions, or NAME=FOLDER to name them"
            | CompareArgs.Dataset _ -> "dataset id or folder name, for --networks"
            | CompareArgs.Networks _ -> "networks that were trained on the dataset; all their seeds are taken"
            | CompareArgs.Configuration _ -> Help.configuration
            | CompareArgs.Plans _ -> Help.plans
            | CompareArgs.Folds _ -> "the folds that should be there; default: those that some model has"
            | CompareArgs.Reference _ -> "the model that the others are tested against; default: the best"
            | CompareArgs.Rules _ -> "standard (default), amos, brats, totalsegmentator"
            | CompareArgs.Tolerance _ -> Help.tolerance
            | CompareArgs.Measure -> "measure latency and memory of each network on this machine"
            | CompareArgs.Device _ -> "for --measure: auto (default), cpu, cuda or cuda:N"
            | CompareArgs.Output _ ->
                "folder for comparison.md, .tex, .csv and the pictures; default: comparison"
