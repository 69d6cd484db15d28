/// The two stages of a cascade: what the first leaves for the second, the second's training, and its prediction.
module MedSegDsl.Tests.Runtime.Training.CascadeTrainingTests

open System
open System.IO
open Expecto
open TorchSharp
open MedSegDsl
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Inference
open MedSegDsl.Runtime.Selection
open MedSegDsl.Runtime.Storage
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Cascade
open MedSegDsl.Runtime.Training.Checkpoints
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

let private reader = ImageReaders.ByName "NibabelIO"
let private labels path = (reader.ReadLabels path).Voxels.Data

let private channels = test "each foreground label becomes a channel after the image's" {
    let image = ImageArray<float32>([| 5f; 6f |], 1, [| 1; 1; 2 |])
    let previous = ImageArray<int16>([| 2s; -1s |], 1, [| 1; 1; 2 |])
    let result = PreviousStageChannels.Append(image, previous, [| 1; 2 |])
    Expect.equal (result.Channels, result.Data) (3, [| 5f; 6f; 0f; 0f; 1f; 0f |]) "channels"
}

let private stored = test "label maps in files keep shape and labels; patches beyond them are -1" {
    TemporaryFolder.using' (fun root ->
        for highest, name in [ 100s, "small.npy"; 300s, "large.npy"; 100s, "small.b2nd"; 300s, "large.b2nd" ] do
            let path = Path.Combine(root, name)
            let values = [| for i in 0..23 -> if i = 5 then highest else int16 i |]
            StoredLabels.Write(path, ImageArray<int16>(values, 1, [| 2; 3; 4 |]))
            use opened = new StoredLabels(path)
            Expect.equal opened.Shape [| 2; 3; 4 |] "shape"
            Expect.equal (opened.Read().Data) values "labels"
            let patch = Array.zeroCreate<int16> 4
            opened.ReadPatch(ReadOnlySpan [| 1; 2; 2 |], ReadOnlySpan [| 1; 1; 4 |], patch.AsSpan())
            Expect.equal patch [| 22s; 23s; -1s; -1s |] "over the border"

        let volume = Path.Combine(root, "volume.npy")
        NpyFile.Write<float32>(volume, [| 2L |], ReadOnlyMemory [| 1f; 2f |])

        TemporaryFolder.expectsLine [ "volume.npy"; "<f4 of 2"; "labels of z, y, x" ] (fun () ->
            (new StoredLabels(volume)).Dispose()))
}

/// Predicts a case with a model of fold 0; with probabilities, whose label map is exactly the validation's.
let private predict (folder: FoldFolder) image (previousStage: string | null) output =
    use model =
        TrainedModel.Load(ModelChoice(folder.Parent, Folds = [| "0" |]), torch.CPU)

    let options =
        PredictionOptions(SaveProbabilities = true, PreviousStage = previousStage)

    FolderPrediction.Run(model, image, output, options)

let private whole = test "the first stage of all folds, then the second stage, then prediction through both" {
    TemporaryFolder.using' (fun root ->
        let at name = Path.Combine(root, name)
        let folders = SmallPlans.create root

        let cascade () =
            SmallPlans.train folders Configuration.ThreeDCascadeFullRes 0

        let missing words =
            TemporaryFolder.expectsLine ("medseg train 42 3d_lowres FOLD -n nnUNet" :: words) (fun () ->
                cascade () |> ignore)

        missing [ "predicted_next_stage"; "3 of 3 cases"; "c1, c2, c3" ]
        let lowres = (SmallPlans.train folders Configuration.ThreeDLowRes 0).Folder
        missing [ "2 of 3 cases"; "(c1, c2)" ]
        SmallPlans.train folders Configuration.ThreeDLowRes 1 |> ignore
        let left = PreviousStageFolder.Of(lowres.Parent, "3d_cascade_fullres")

        let files =
            [ for file in Directory.GetFiles left -> string (Path.GetFileName file) ]
            |> List.sort

        Expect.equal files [ "c1.npy"; "c2.npy"; "c3.npy" ] "one file a case"

        // The second stage's grid is here the file's, with the first two axes exchanged.
        do
            use forNext = new StoredLabels(Path.Combine(left, "c3.npy"))
            Expect.equal forNext.Shape [| 14; 12; 16 |] "the second stage's grid"
            let validated = labels (Path.Combine(lowres.Validation, "c3.nii.gz"))
            let values = forNext.Read().Data

            let inFileOrder = [|
                for z in 0..11 do
                    for y in 0..13 do
                        for x in 0..15 -> values[(y * 12 + z) * 16 + x]
            |]

            Expect.equal inFileOrder validated "the validation's labels"

        let second = (cascade ()).Folder

        do
            use checkpoint = Checkpoint.Read second.Final
            Expect.equal checkpoint.State.InputChannels 4 "two image channels and two labels"

        let image = SmallPlans.image root "c3"
        let first = predict lowres image null (at "first")
        Expect.isEmpty first.Failures "the first stage predicts"
        let result = predict second image (at "first") (at "second")
        Expect.isEmpty result.Failures "the second stage predicts"

        Expect.equal
            (labels (at "second/c3.nii.gz"))
            (labels (Path.Combine(second.Validation, "c3.nii.gz")))
            "validation and prediction"

        let arguments = File.ReadAllText(at "second/predict_from_raw_data_args.json")
        Expect.stringContains arguments (at "first") "the arguments are kept"

        // What the first stage said matters.
        Directory.CreateDirectory(at "empty") |> ignore
        let map = reader.ReadLabels(at "first/c3.nii.gz")

        reader.WriteLabels(
            at "empty/c3.nii.gz",
            ImageArray<int16>(Array.map (fun l -> 2s - l) map.Voxels.Data, 1, map.Voxels.Shape),
            map.Geometry
        )

        predict second image (at "empty") (at "other") |> ignore
        use one = ProbabilityFile.Open(at "second/c3.npz")
        use other = ProbabilityFile.Open(at "other/c3.npz")

        let background (file: ProbabilityFile) =
            let values = Array.zeroCreate<float32>(12 * 14 * 16)
            file.ReadNext values
            values

        Expect.notEqual (background one) (background other) "other labels, other probabilities"

        // Lines.
        let refused words (folder: FoldFolder) previousStage =
            TemporaryFolder.expectsLine words (fun () ->
                predict folder image previousStage (at "nothing") |> ignore)

        refused
            [
                "3d_cascade_fullres needs"
                "3d_lowres"
                "medseg predict"
                "--prev-stage-predictions"
            ]
            second
            null

        refused [ "nowhere"; "no such folder"; "3d_lowres" ] second (at "nowhere")
        refused [ "3d_lowres is not the second stage"; "--prev-stage-predictions" ] lowres (at "first")

        let lacking =
            predict second (SmallPlans.image root "c1") (at "first") (at "nothing")

        Expect.hasLength lacking.Failures 1 "one case"
        Expect.stringContains lacking.Failures[0] "c1.nii.gz: no such file" "the label map that is missing"

        StoredLabels.Write(Path.Combine(left, "c3.npy"), ImageArray<int16>(1, [| 2; 2; 2 |]))

        TemporaryFolder.expectsLine [ "c3.npy"; "2 × 2 × 2"; "14 × 12 × 16"; "train it again" ] (fun () ->
            cascade () |> ignore))
}

let private commands =
    test "the missing first stage of a script's experiment is that experiment in the first stage" {
        TemporaryFolder.using' (fun root ->
            let folders = NnUNetFolders(root, root, root)

            let refused words experiment seed =
                let identity = TrainingIdentity.Of(experiment, Fold.Index 0, seed)
                let configuration = SmallPlans.plans().Configuration identity.Configuration

                let folder =
                    nonNull (PreviousStageFolder.For(folders, identity, configuration, "nnUNet"))

                TemporaryFolder.expectsLine words (fun () -> folder.Require [| "a"; "b"; "c"; "d" |])

            let cascade =
                SmallPlans.experiment |> withConfiguration Configuration.ThreeDCascadeFullRes

            refused [ "4 of 4"; "(a, b, c, ...)"; "FOLD -n nnUNet -p nnUNetPlans --seed 3" ] cascade 3

            refused
                [ "MedSegTrainer_mine__"; "run the same experiment in 3d_lowres" ]
                (titled "mine" cascade)
                1)
    }

let private instructions = test "the commands of a cascade predict with its first stage before" {
    let model = ModelName("MedSegTrainer_nnUNet", "nnUNetPlans", "3d_cascade_fullres")
    let best = Candidate(model.Identifier, "folder", [| model |], 0.5)

    let choice =
        ConfigurationChoice(
            "Dataset042_Small",
            [| "0"; "1" |],
            [| model |],
            true,
            [| best |],
            best,
            0.5,
            FirstStages = readOnlyDict [ model, ("3d_lowres": string | null) ]
        )

    let common = "-f 0 1 -n nnUNet -c"

    for line in
        [
            $"medseg predict -d Dataset042_Small -i INPUT_FOLDER -o OUTPUT_FOLDER_PREV_STAGE {common} 3d_lowres -p nnUNetPlans\n"
            $"-o OUTPUT_FOLDER {common} 3d_cascade_fullres -p nnUNetPlans -prev_stage_predictions OUTPUT_FOLDER_PREV_STAGE\n"
        ] do
        Expect.stringContains (choice.Instructions()) line "commands"
}

let tests =
    testList "training/cascade" [ channels; stored; whole; commands; instructions ]
