/// Folders of trained models as training leaves them, with predictions of a few voxels.
module MedSegDsl.Tests.Runtime.Selection.SmallModels

open System.IO
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Inference
open MedSegDsl.Tests.Runtime

/// The dataset's name.
let dataset = "Dataset901_Small"

let private datasetJson =
    "{\"channel_names\": {\"0\": \"CT\"}, \"labels\": {\"background\": 0, \"organ\": 1}, \"numTraining\": 4, \"file_ending\": \".nii.gz\"}"

/// The reference of every case: a row with the organ in its middle.
let reference = [| 0; 0; 1; 1; 1; 1; 0; 0; 0; 0 |]

/// nnU-Net's folders below one folder.
let folders (root: string) =
    let below name = Path.Combine(root, name)
    NnUNetFolders(below "nnUNet_raw", below "nnUNet_preprocessed", below "nnUNet_results")

/// A model's folder.
let model root network =
    Path.Combine(root, "nnUNet_results", dataset, $"MedSegTrainer_{network}__nnUNetPlans__3d_fullres")

/// Writes a label map of one row, in voxels of 1 mm.
let writeLabels (file: string) (values: int[]) =
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName file)) |> ignore
    let map = ImageArray<int16>(Array.map int16 values, 1, [| 1; 1; values.Length |])
    let geometry = ImageGeometry.FromSpacing [| 1.0; 1.0; 1.0 |]
    (ImageReaders.ByName "NibabelIO").WriteLabels(file, map, geometry)

/// Writes the reference of a training case.
let writeReference (root: string) case =
    writeLabels (Path.Combine(root, "nnUNet_raw", dataset, "labelsTr", case + ".nii.gz")) reference

/// Writes dataset.json and plans.json into a folder.
let describe folder =
    TemporaryFolder.write folder [ "dataset.json" ] datasetJson |> ignore
    TemporaryFolder.write folder [ "plans.json" ] "{}" |> ignore

let private write folder case (values: int[]) (probabilities: float32[] option) =
    Directory.CreateDirectory folder |> ignore
    writeLabels (Path.Combine(folder, case + ".nii.gz")) values

    match probabilities with
    | None -> ()
    | Some organ ->
        let background = organ |> Array.map (fun p -> 1.0f - p)
        let volumes = Logits([| background; organ |], [| 1; 1; organ.Length |])
        ProbabilityFile.Write(Path.Combine(folder, case + ".npz"), volumes)

/// Writes a prediction of a validation case.
let writeValidation root network fold case values =
    describe (model root network)
    write (Path.Combine(model root network, $"fold_{fold}", "validation")) case values None

/// Writes a prediction of a validation case from the organ's probabilities, and these beside it.
let writeProbabilities root network fold case (organ: float32[]) =
    describe (model root network)
    let labels = organ |> Array.map (fun p -> if p > 0.5f then 1 else 0)
    write (Path.Combine(model root network, $"fold_{fold}", "validation")) case labels (Some organ)
