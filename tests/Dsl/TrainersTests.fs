/// Published trainers and nnU-Net's names of them (networks.md's table of trainers).
module MedSegDsl.Tests.Dsl.TrainersTests

open Expecto
open MedSegDsl

let private dataset = { Id = 218; Name = "AMOS" }

let private trained (network: Network) =
    let experiment = Experiment.create dataset network |> asPublished
    experiment.Optimizer, experiment.Schedule, experiment.Precision

let private sgd = Optimizer.SgdNesterov(0.01, 0.99, 3e-5)
let private polynomial = Schedule.Polynomial 0.9

let private published = [
    "UlikeMamba_3dMT", (Optimizer.AdamW(1e-4, 3e-5, 1e-8), polynomial, Precision.Float32)
    "UlikeTrans_SRA_paper", (Optimizer.AdamW(1e-4, 3e-5, 1e-8), polynomial, Precision.Float32)
    "UNETR", (Optimizer.AdamW(1e-4, 0.01, 1e-5), Schedule.Polynomial 1.0, Precision.Float32)
    "SwinUNETR", (Optimizer.AdamW(8e-4, 0.01, 1e-5), Schedule.Cosine 1e-6, Precision.Float32)
    "CoTr", (sgd, polynomial, Precision.Float16)
    "UMambaEnc", (sgd, polynomial, Precision.Float16)
    "SegFormer3D", (sgd, polynomial, Precision.Float16)
    "MedNeXt_S_kernel3", (Optimizer.AdamW(1e-3, 3e-5, 1e-4), polynomial, Precision.Float16)
    "nnUNet", (sgd, polynomial, Precision.Float16)
]

let private apply name =
    let alias = (TrainerAliases.tryFind name).Value

    Experiment.create dataset UlikeMamba.threeD
    |> asInTrainer alias.Trainer
    |> alias.Change

let tests =
    testList "dsl/trainers" [
        for name, expected in published do
            test $"{name} trains as published" {
                Expect.equal
                    (UlikeMamba.threeD |> named name |> trained)
                    expected
                    "optimizer, schedule, precision"
            }

        test "asInTrainer sets the trainer whatever the network's name" {
            let experiment =
                Experiment.create dataset UlikeMamba.threeD
                |> asInTrainer PublishedTrainers.swinUnetr

            Expect.equal experiment.Schedule (Schedule.Cosine 1e-6) "schedule"
            Expect.isOk (Experiment.validate experiment) "valid"
        }

        test "aliases are found in any case, each name once" {
            Expect.equal
                (TrainerAliases.tryFind "NNUNETTRAINERUMAMBAENC").Value.Name
                "nnUNetTrainerUMambaEnc"
                "found"

            Expect.isNone (TrainerAliases.tryFind "nnUNetTrainerNonesuch") "not found"
            let names = [ for alias in TrainerAliases.all -> alias.Name.ToLowerInvariant() ]
            Expect.equal (List.distinct names) names "names"
        }

        test "the trainers of MedNeXt, CoTr and SegFormer3D name networks of the catalogue" {
            let trainers = [
                "nnUNetTrainerCoTr"
                "nnUNetTrainerSegFormer3D"
                for network in MedNeXt.all do
                    $"nnUNetTrainerV2_{network.Name}"
            ]

            for name in trainers do
                let network = (TrainerAliases.tryFind name).Value.Network
                Expect.isSome (Networks.tryFind network) name
        }

        test "nnU-Net's variants change one thing" {
            Expect.equal (apply "nnUNetTrainer_100epochs").Epochs 100<epoch> "epochs"
            Expect.equal (apply "nnUNetTrainer_1epoch").Epochs 1<epoch> "one epoch"
            Expect.equal (apply "nnUNetTrainerDiceTopK10Loss").Loss (Loss.DiceTopK 10.0) "loss"

            Expect.equal
                (apply "nnUNetTrainer_warmup").Schedule
                (Schedule.WarmUp(50<epoch>, polynomial))
                "schedule"

            Expect.equal (apply "nnUNetTrainerDiceLoss").Loss Loss.Dice "loss"
            Expect.equal (apply "nnUNetTrainerDA5").Augmentation Augmentation.da5 "augmentation"
            Expect.equal (apply "nnUNetTrainerUMambaEncNoAMP").Precision Precision.Float32 "precision"
            Expect.equal (apply "nnUNetTrainer").Precision Precision.Float16 "mixed precision"
            let adam = (apply "nnUNetTrainerVanillaAdam3en4").Optimizer
            Expect.equal adam (Optimizer.Adam(3e-4, 3e-5, 1e-8)) "optimizer"
            Expect.equal (apply "nnUNetTrainerBN").Network.Norm Norm.Batch "norm"
            Expect.isFalse (apply "nnUNetTrainerNoDeepSupervision").Network.DeepSupervision "one map"
            let mirrored = (apply "nnUNetTrainer_onlyMirror01_DA5").Augmentation
            Expect.hasLength mirrored Augmentation.da5.Length "the same steps"

            Expect.contains
                mirrored
                (AugmentationStep.Spatial(1.0, SpatialChange.Mirror [ 0; 1 ]))
                "flips along two axes"

            Expect.equal
                (Augmentation.withoutMirroring mirrored)
                (Augmentation.withoutMirroring Augmentation.da5)
                "all else"
        }

        test "each way to train a network has a folder of its own" {
            let names = [
                for alias in TrainerAliases.all do
                    if not (alias.Name.StartsWith "nnUNetTrainerSegFormer") then
                        (UlikeMamba.threeD
                         |> named alias.Network
                         |> Experiment.create dataset
                         |> alias.Change)
                            .Name
            ]

            Expect.equal (List.distinct names) names "names"
            Expect.contains names "Dataset218_AMOS-nnUNet_DA5" "the network's name first"
            Expect.contains names "Dataset218_AMOS-nnUNet_100epochs" "one word"
        }

        test "an alias's network trains as its trainer says" {
            for alias in TrainerAliases.all do
                match Networks.tryFind alias.Network with
                | Some network when alias.Name <> "nnUNetTrainerUMambaEncNoAMP" ->
                    Expect.equal alias.Trainer (PublishedTrainers.ofNetwork network) alias.Name
                | _ -> ()
        }
    ]
