/// A whole run on the quick start's images, and the lines that a user sees where something is missing.
module MedSegDsl.Tests.Runtime.Training.TrainingRunTests

open System
open System.IO
open Expecto
open MedSegDsl
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Inference
open MedSegDsl.Runtime.Planning
open MedSegDsl.Runtime.Preprocessing
open MedSegDsl.Runtime.Storage
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Progress
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

let private dataset = { Id = 901; Name = "RealBrain" }
let private raw = Folder.at [ ".."; ".."; "experiments"; "data" ]
let private planned = Folder.at [ "pipeline"; "planned"; dataset.Folder ]
let private patch = Size3.create 16 32 32

let private folders root =
    NnUNetFolders(raw, Path.Combine(root, "preprocessed"), Path.Combine(root, "results"))

/// Plans, dataset.json and a split of two cases for training and one for validation.
let private plan root =
    let folder = folders(root).PreprocessedDataset dataset.Folder
    Directory.CreateDirectory folder |> ignore
    File.Copy(Path.Combine(planned, "nnUNetPlans.json"), Path.Combine(folder, "nnUNetPlans.json"))

    File.Copy(
        Path.Combine(planned, "dataset_fingerprint.json"),
        Path.Combine(folder, "dataset_fingerprint.json")
    )

    File.Copy(Path.Combine(raw, dataset.Folder, "dataset.json"), Path.Combine(folder, "dataset.json"))
    Splits.Write(Path.Combine(folder, Splits.FileName), [ Split([ "RB_001"; "RB_003" ], [ "RB_006" ]) ])
    folder

let private preprocess folder =
    let plans = Plans.ReadFrom(folder, "nnUNetPlans")
    let configuration = plans.Configuration "3d_fullres"
    let json = DatasetJson.ReadFrom folder
    let preprocessor = CasePreprocessor(plans, configuration, json.LabelManager)
    let reader = ImageReaders.ByName plans.ImageReaderWriter
    let rawDataset = Path.Combine(raw, dataset.Folder)

    for files in CaseList.Training(rawDataset, json) do
        if List.contains files.Id [ "RB_001"; "RB_003"; "RB_006" ] then
            let image = reader.ReadChannels files.Images
            let labels = reader.ReadLabels(nonNull files.Label)

            let case =
                preprocessor.Preprocess(image.Voxels, image.Geometry.Spacing, labels.Voxels)

            VolumeStore.Write(Path.Combine(folder, configuration.DataIdentifier), files.Id, case)

let private experiment =
    Experiment.create dataset SmallTraining.network
    |> withOptimizer (Optimizer.AdamW(0.01, 1e-4, 1e-8))
    |> withEpochs 2<epoch>
    |> withIterations 3 1
    |> withPatch patch
    |> withAugmentation Augmentation.off
    |> withDevice Device.Cpu

let private run root experiment =
    let request = TrainingRequest(experiment, folders root, Fold.Index 0, 1)
    TrainingRun.Run(request, SilentProgress())

let private refused words experiment prepare =
    TemporaryFolder.using' (fun root ->
        prepare root
        TemporaryFolder.expectsLine words (fun () -> run root experiment |> ignore))

let private isThere = File.Exists(Path.Combine(planned, "nnUNetPlans.json"))

let tests =
    testList "training/run" [
        if isThere then
            test "from preprocessed cases to an evaluated validation case" {
                TemporaryFolder.using' (fun root ->
                    preprocess (plan root)
                    let outcome = run root experiment

                    let parent =
                        Path.Combine(
                            root,
                            "results",
                            dataset.Folder,
                            "MedSegTrainer_small__nnUNetPlans__3d_fullres"
                        )

                    Expect.equal outcome.Folder.Path (Path.Combine(parent, "fold_0")) "nnU-Net's layout"

                    for file in
                        [ "plans.json"; "dataset.json"; "dataset_fingerprint.json"; "experiment.json" ] do
                        Expect.isTrue (File.Exists(Path.Combine(parent, file))) file

                    for file in
                        [
                            "checkpoint_final.safetensors"
                            "checkpoint_best.safetensors"
                            "training_log.txt"
                            "progress.png"
                            "training.json"
                            "validation/RB_006.nii.gz"
                            "validation/summary.json"
                        ] do
                        Expect.isTrue (File.Exists(Path.Combine(parent, "fold_0", file))) file

                    Expect.equal outcome.Curves.Epochs.Count 2 "epochs"
                    Expect.equal outcome.Validation.Cases.Count 1 "validation cases"
                    let kept = File.ReadAllText(Path.Combine(parent, "experiment.json"))
                    Expect.equal (Json.toExperiment kept) (Ok experiment) "the experiment comes back"
                    let reader = ImageReaders.ByName "NibabelIO"

                    let written =
                        reader.ReadLabels(Path.Combine(parent, "fold_0", "validation", "RB_006.nii.gz"))

                    let truth =
                        reader.ReadLabels(Path.Combine(raw, dataset.Folder, "labelsTr", "RB_006.nii.gz"))

                    Expect.equal written.Voxels.Shape truth.Voxels.Shape "the image's own grid"
                    Expect.isTrue (written.Geometry.HasAffineOf truth.Geometry) "the image's own affine"

                    let longer = { experiment with Epochs = 3<epoch> }

                    let request =
                        TrainingRequest(
                            longer,
                            folders root,
                            Fold.Index 0,
                            1,
                            Continue = true,
                            SaveProbabilities = true
                        )

                    let further = TrainingRun.Run(request, SilentProgress())
                    Expect.equal further.Curves.Epochs.Count 3 "continuing adds the epochs that are missing"

                    Expect.equal
                        further.Curves.Epochs[0].TrainingLoss
                        outcome.Curves.Epochs[0].TrainingLoss
                        "the first epoch is the first run's"

                    use probabilities =
                        ProbabilityFile.Open(Path.Combine(parent, "fold_0", "validation", "RB_006.npz"))

                    Expect.equal
                        probabilities.Shape
                        truth.Voxels.Shape
                        "probabilities on the image's own grid")
            }

            test "what ends a training is in its log" {
                TemporaryFolder.using' (fun root ->
                    preprocess (plan root)

                    let request =
                        TrainingRequest(
                            experiment,
                            folders root,
                            Fold.Index 0,
                            1,
                            Preemption = Threading.CancellationToken true
                        )

                    Expect.throwsT<TrainingInterruptedException>
                        (fun () -> TrainingRun.Run(request, SilentProgress()) |> ignore)
                        "asked to stop"

                    let log =
                        Directory.GetFiles(root, "training_log.txt", SearchOption.AllDirectories)
                        |> Array.exactlyOne
                        |> File.ReadAllLines

                    Expect.stringContains (Array.last log) "stopped on request in epoch 1" "the last line")
            }

            test "the raw dataset is not needed where its labels lie beside the preprocessed data" {
                TemporaryFolder.using' (fun root ->
                    preprocess (plan root)

                    let elsewhere =
                        NnUNetFolders(
                            null,
                            Path.Combine(root, "preprocessed"),
                            Path.Combine(root, "results")
                        )

                    let request =
                        TrainingRequest(withEpochs 1<epoch> experiment, elsewhere, Fold.Index 0, 1)

                    let run () =
                        TrainingRun.Run(request, SilentProgress())

                    TemporaryFolder.expectsLine [ "nnUNet_raw" ] (fun () -> run () |> ignore)

                    Expect.isFalse
                        (Directory.Exists(Path.Combine(root, "results")))
                        "said before the training"

                    let copies =
                        Path.Combine(root, "preprocessed", dataset.Folder, GroundTruth.FolderName)

                    Directory.CreateDirectory copies |> ignore

                    File.Copy(
                        Path.Combine(raw, dataset.Folder, "labelsTr", "RB_006.nii.gz"),
                        Path.Combine(copies, "RB_006.nii.gz")
                    )

                    Expect.equal (run ()).Validation.Cases.Count 1 "validated")
            }

            test "without preprocessed cases the line says what to run" {
                refused
                    [
                        "3 of 3 cases"
                        "RB_001"
                        "medseg preprocess 901 -c 3d_fullres -p nnUNetPlans"
                    ]
                    experiment
                    (plan >> ignore)
            }

            test "where the plans' patch does not suit the network, the line says what would" {
                let planned = {
                    experiment with
                        Network = UlikeMamba.threeD
                        Patch = Planned.FromPlans
                }

                refused
                    [ "patch 56×80×64 of nnUNetPlans"; "UlikeMamba_3d"; "nearest being 48 or 64" ]
                    planned
                    (plan >> preprocess)
            }

        test "without plans the line says so" { refused [ "nnUNetPlans.json"; "plan" ] experiment ignore }

        test "float16 on the CPU is refused" {
            refused
                [ "Float16"; "GPU"; "Float32" ]
                (experiment |> withPrecision Precision.Float16 |> withDevice Device.Cpu)
                (plan >> preprocess)
        }

        test "an experiment that is wrong is refused with every error" {
            let wrong = {
                experiment with
                    GradientClipping = 0.0
                    Epochs = 0<epoch>
            }

            refused [ "gradientClipping"; "epochs" ] wrong ignore
        }

        test "trainings of other seeds and titles have folders of their own" {
            let name experiment seed =
                TrainingIdentity.Of(experiment, Fold.All, seed)

            Expect.equal (name experiment 1).Trainer "MedSegTrainer_small" "the network's name"
            Expect.equal (name experiment 3).Trainer "MedSegTrainer_small_seed3" "another seed"
            Expect.equal (name (titled "ablation" experiment) 1).Trainer "MedSegTrainer_ablation" "a title"
            Expect.equal (name experiment 1).Fold "all" "fold"
        }
    ]
