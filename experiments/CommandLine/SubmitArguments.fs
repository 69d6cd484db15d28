/// The words of `submit`: those of `train`, several folds and seeds, and what to ask Slurm for.
module MedSegDsl.Experiments.CommandLine.SubmitArguments

open Argu

[<RequireQualifiedAccess>]
type SubmitArgs =
    | [<MainCommand; ExactlyOnce>] Target of DATASET: string * CONFIGURATION: string
    | [<AltCommandLine("-f")>] Folds of FOLD: string list
    | Seeds of NUMBER: int list
    | [<AltCommandLine("-n")>] Network of NAME: string
    | [<AltCommandLine("-tr")>] Trainer of NAME: string
    | [<AltCommandLine("-p")>] Plans of NAME: string
    | Train of WORDS: string
    | Partition of NAME: string
    | Account of NAME: string
    | Time of LIMIT: string
    | Gpus of COUNT: int
    | Cpus of COUNT: int
    | Memory of SIZE: string
    | [<AltCommandLine("-o")>] Output of FILE: string
    | Dry_Run
    | Yes

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | SubmitArgs.Target _ -> "for example: 901 3d_fullres"
            | SubmitArgs.Folds _ -> "0 to 4, or all; default: 0 1 2 3 4"
            | SubmitArgs.Seeds _ -> "default: 1"
            | SubmitArgs.Network _ -> "a network of `medseg list`"
            | SubmitArgs.Trainer _ -> "nnU-Net's name of a trainer, instead of --network"
            | SubmitArgs.Plans _ -> "plans file without .json"
            | SubmitArgs.Train _ ->
                "further words of `train`, in quotes: --train \"--epochs 300 --precision bfloat16\""
            | SubmitArgs.Partition _ -> "the cluster's partition"
            | SubmitArgs.Account _ -> "the account that pays"
            | SubmitArgs.Time _ -> "time limit of a task, for example 2-00:00:00"
            | SubmitArgs.Gpus _ -> "of a task; default: 1; 0 for training on the CPU"
            | SubmitArgs.Cpus _ -> "cores of a task; default: 12"
            | SubmitArgs.Memory _ -> "host memory of a task, for example 64G"
            | SubmitArgs.Output _ -> "the script; default: NAME.sbatch in this folder"
            | SubmitArgs.Dry_Run -> "write and show the script, and stop"
            | SubmitArgs.Yes -> "submit without asking"
