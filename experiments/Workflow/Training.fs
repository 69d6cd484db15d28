/// What a training needs before it, and the training itself, with progress on the console.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Workflow.Training

open System.IO
open MedSegDsl
open MedSegDsl.Kernels
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Distributed
open MedSegDsl.Runtime.Planning
open MedSegDsl.Runtime.Preprocessing
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Progress
open MedSegDsl.Experiments.Console

/// The dataset of a folder `DatasetNNN_Name`.
let datasetOf (folder: string) : Dataset = {
    Id = NnUNetFolders.DatasetId folder
    Name = folder.Substring "DatasetNNN_".Length
}

/// `0` to `4`, or `all`.
let foldName =
    function
    | Fold.Index index -> string index
    | Fold.All -> "all"

/// The experiment on the folder that has its dataset's number: what a user calls the folder is the user's matter.
let locate (folders: NnUNetFolders) (experiment: Experiment) = {
    experiment with
        Dataset = datasetOf (folders.DatasetName experiment.Dataset.Id)
}

/// Joins the processes that mpirun, srun or `--gpus` started, for trainings on a device: of each, what they do together.
let among device (work: ICommunicator -> 'a) =
    let libtorch = NativeLibtorch.Load()
    let place = RankPlace.FromEnvironment()

    if place.Rank = 0 then
        printfn "%s" libtorch.Description

    Ranks.join place (TrainingDevice.Resolve(device, place.LocalRank)) work

let private plan (folders: NnUNetFolders) (experiment: Experiment) =
    let dataset = experiment.Dataset.Folder

    let plans =
        Path.Combine(folders.PreprocessedDataset dataset, experiment.Plans + ".json")

    if not (File.Exists plans) then
        let settings = PlanningSettings(Planner.Default, PlansName = experiment.Plans)
        Planning.plan folders dataset settings false |> Planning.show

    let configuration = TrainingIdentity.ConfigurationName experiment.Configuration
    Planning.preprocess folders dataset experiment.Plans [ configuration ] PreprocessingOptions.Default

/// Plans and preprocesses the experiment's dataset where that has not been done: the first process, for all.
let prepare (ranks: ICommunicator) folders experiment =
    ranks.Together(fun () ->
        if ranks.Rank = 0 then
            plan folders experiment)

/// One training: fold and seed, from the last checkpoint where it goes on, or from a file of pretrained weights. SIGTERM
/// makes it save and stop. Of several processes the first one reports.
let run (ranks: ICommunicator) folders (experiment: Experiment) fold seed goOn pretrained saveProbabilities =
    let progress: ITrainingProgress =
        if ranks.Rank = 0 then
            ConsoleProgress.Create()
        else
            SilentProgress()

    Preemption.listen (fun token ->
        let request =
            TrainingRequest(
                experiment,
                folders,
                fold,
                seed,
                Continue = goOn,
                PretrainedWeights = Option.toObj pretrained,
                SaveProbabilities = saveProbabilities,
                Ranks = ranks,
                Preemption = token
            )

        TrainingRun.Run(request, progress))
