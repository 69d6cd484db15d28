namespace MedSegDsl.Experiments.CommandLine

open MedSegDsl
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Training

/// The words that name a trained model.
type ModelWords = {
    /// The folder itself, instead of all the others.
    Folder: string option
    Dataset: string option
    Network: string option
    Plans: string option
    Configuration: string option
}

/// Folders of trained models.
[<RequireQualifiedAccess>]
module ModelFolder =
    /// The folder that is named, or the one in nnUNet_results that dataset, network, plans and configuration name.
    let find (words: ModelWords) =
        match words.Folder, words.Dataset with
        | Some folder, _ -> folder
        | None, None -> raise (UserException "which model? Name its folder with -m, or the dataset with -d")
        | None, Some name ->
            let folders = NnUNetFolders.FromEnvironment()
            let network = words.Network |> Option.defaultValue UlikeMamba.multiTri.Name

            folders.ResultsOf(
                folders.DatasetName name,
                TrainingIdentity.TrainerOf network,
                words.Plans |> Option.defaultValue "nnUNetPlans",
                words.Configuration |> Option.defaultValue "3d_fullres"
            )
