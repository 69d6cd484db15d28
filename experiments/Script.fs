namespace MedSegDsl

open System
open System.IO
open Argu
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Distributed
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine

/// What a script's command line may say.
type ScriptArgs =
    | [<AltCommandLine("-f")>] Folds of FOLD: string list
    | Seeds of NUMBER: int list
    | [<AltCommandLine("--c")>] Continue
    | Epochs of COUNT: int
    | [<AltCommandLine("-device")>] Device of NAME: string
    | [<AltCommandLine("-num_gpus")>] Gpus of COUNT: int
    | Table
    | Json

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Folds _ -> "only these of the experiment's folds (0 to 4, or all)"
            | Seeds _ -> "only these seeds"
            | Continue -> "go on from the last checkpoints"
            | Epochs _ -> "another number of epochs"
            | Device _ -> "auto, cpu, cuda or cuda:N"
            | Gpus _ -> "train on so many GPUs of this machine, which share each batch; default: 1"
            | Table -> "print the network's layers and stop"
            | Json -> "print the experiment as JSON and stop"

/// Runs experiments from `.fsx` scripts.
[<RequireQualifiedAccess>]
module Script =
    let private describe (experiment: Experiment) =
        let list name values = String.Join(", ", Seq.map name values)

        String.Join(
            Environment.NewLine,
            [
                $"{experiment.Name}: {experiment.Network.Name} on {experiment.Dataset.Folder}"
                $"  {experiment.Epochs} epochs of {experiment.IterationsPerEpoch} batches, {experiment.Optimizer}"
                $"  folds {list Training.foldName experiment.Folds}; seeds {list string experiment.Seeds}"
            ]
        )

    /// What the data of the experiment lack, if anything.
    let private missing folders experiment =
        try
            let located = Training.locate folders experiment
            folders.RawDataset located.Dataset.Folder |> ignore
            folders.Preprocessed |> ignore
            folders.Results |> ignore
            None
        with :? UserException as lack ->
            Some lack.Message

    let private help (parser: ArgumentParser<ScriptArgs>) folders experiment =
        printfn "%s" (describe experiment)

        match missing folders experiment with
        | None -> printfn "  the data are there; without options the script plans, preprocesses and trains"
        | Some lack -> printfn "  missing: %s" lack

        printfn ""
        printfn "%s" (parser.PrintUsage())

    let private layers (experiment: Experiment) =
        let patch =
            match experiment.Patch with
            | Planned.Set patch -> patch
            | Planned.FromPlans -> Size3.cube 128

        match Tables.architecture (patch, 1, 16) [ experiment.Network ] with
        | Ok table -> printfn "%s" (Markdown.render table)
        | Error errors -> raise (UserException(DslError.render errors))

    let private change (args: ParseResults<ScriptArgs>) (experiment: Experiment) =
        experiment
        |> Parse.applied (args.TryGetResult Folds) (fun folds experiment -> {
            experiment with
                Experiment.Folds = List.map Parse.fold folds
        })
        |> Parse.applied (args.TryGetResult Seeds) withSeeds
        |> Parse.applied (args.TryGetResult Epochs) (LanguagePrimitives.Int32WithMeasure >> withEpochs)
        |> Parse.applied (args.TryGetResult Device) (Parse.device >> withDevice)

    let private train folders goOn experiment =
        match Experiment.validate experiment with
        | Error errors -> Ranks.reading (fun () -> raise (UserException(DslError.render errors)))
        | Ok experiment ->
            Training.among experiment.Device (fun ranks ->
                let experiment = ranks.Together(fun () -> Training.locate folders experiment)
                Training.prepare ranks folders experiment

                for seed in experiment.Seeds do
                    for fold in experiment.Folds do
                        let outcome = Training.run ranks folders experiment fold seed goOn None false

                        if ranks.Rank = 0 then
                            Evaluation.show outcome.Validation
                            printfn "results are in %s" outcome.Folder.Path)

    /// The whole way on the brain images that come with the project, with this experiment; what it makes lies in the
    /// folder. Ends the script with the exit code of the program.
    let quickStart folder experiment =
        exit (
            Exit.guard (fun () ->
                QuickStartRun.run folder experiment
                Exit.done')
        )

    /// Plans, preprocesses and trains an experiment, or what the arguments say instead. Ends the script with the exit
    /// code of the program: 0 done, 1 something is missing or wrong, 2 a wrong word.
    let run (experiment: Experiment) =
        let args = Environment.GetCommandLineArgs()

        let own =
            match Array.tryFindIndex (fun (arg: string) -> arg.EndsWith ".fsx") args with
            | Some script -> Array.skip (script + 1) args
            | None -> [||]

        let folders = NnUNetFolders.FromEnvironment()

        exit (
            Exit.guard (fun () ->
                let name =
                    Path.GetFileName(Array.find (fun (arg: string) -> arg.EndsWith ".fsx") args)

                let parser = ArgumentParser.Create<ScriptArgs>(programName = $"dotnet fsi {name}")
                let parsed = parser.ParseCommandLine(own, raiseOnUsage = false)

                if parsed.IsUsageRequested then
                    help parser folders experiment
                    Exit.done'
                else
                    let experiment = Ranks.reading (fun () -> change parsed experiment)

                    if parsed.Contains Table then
                        layers experiment
                        Exit.done'
                    elif parsed.Contains Json then
                        printfn "%s" (Json.ofExperiment experiment)
                        Exit.done'
                    else
                        Ranks.onGpus (parsed.TryGetResult Gpus) (fun () ->
                            train folders (parsed.Contains Continue) experiment
                            Exit.done'))
        )
