namespace MedSegDsl

/// A trainer under nnU-Net's name: the network that it trains and how.
[<RequireQualifiedAccess; NoEquality; NoComparison>]
type TrainerAlias = {
    /// The class's name: `nnUNetTrainerUMambaEnc`.
    Name: string
    /// The network's name in the catalogue.
    Network: string
    Trainer: PublishedTrainer
    /// What else it sets.
    Change: Experiment -> Experiment
}

/// The trainers that nnU-Net's `-tr` names in MIC-DKFZ/nnUNet, uakhan17/Mamba3D-MedSeg and bowang-lab/U-Mamba.
[<RequireQualifiedAccess>]
module TrainerAliases =
    let private plain = "nnUNet"

    let private alias name network trainer : TrainerAlias = {
        Name = name
        Network = network
        Trainer = trainer
        Change = id
    }

    /// Another trainer of the same network has a folder of its own: `MedSegTrainer_nnUNet_DA5`.
    let private inFolderOf suffix (experiment: Experiment) =
        titled $"{experiment.Name}_{suffix}" experiment

    let private networks = [
        alias "nnUNetTrainer" plain PublishedTrainers.nnUNet
        alias "nnUNetTrainerUlikeMamba_3dMT" "UlikeMamba_3dMT" PublishedTrainers.ulikeMamba
        alias "nnUNetTrainerUMambaBot" "UMambaBot" PublishedTrainers.nnUNet
        alias "nnUNetTrainerUMambaEnc" "UMambaEnc" PublishedTrainers.nnUNet
        {
            alias "nnUNetTrainerUMambaEncNoAMP" "UMambaEnc" PublishedTrainers.nnUNetFloat32 with
                TrainerAlias.Change = inFolderOf "NoAMP"
        }
        alias "nnUNetTrainerCoTr" "CoTr" PublishedTrainers.nnUNet
        alias "nnUNetTrainerUNETR" "UNETR" PublishedTrainers.unetr
        alias "nnUNetTrainerSwinUNETR" "SwinUNETR" PublishedTrainers.swinUnetr
        alias "nnUNetTrainerSegFormer" "SegFormer3D" PublishedTrainers.nnUNet
        alias "nnUNetTrainerSegFormer3D" "SegFormer3D" PublishedTrainers.nnUNet
        for size in [ "S"; "B"; "M"; "L" ] do
            for kernel in [ 3; 5 ] do
                let network = $"MedNeXt_{size}_kernel{kernel}"
                alias $"nnUNetTrainerV2_{network}" network PublishedTrainers.medNeXt
    ]

    let private epochs count =
        withEpochs (LanguagePrimitives.Int32WithMeasure count)

    let private changeNetwork change (experiment: Experiment) =
        withNetwork (change experiment.Network) experiment

    let private onlyMirror01 = Augmentation.mirroredAlong [ 0; 1 ]

    /// nnU-Net's variants of its own trainer (nnUNetTrainer/variants).
    let private variants = [
        for count in [ 1; 5; 10; 20; 50; 100; 250; 500; 750; 2000; 4000; 8000 ] do
            let suffix = if count = 1 then "epoch" else "epochs"
            $"nnUNetTrainer_{count}{suffix}", epochs count
        for count in [ 250; 2000; 4000; 8000 ] do
            $"nnUNetTrainer_{count}epochs_NoMirroring",
            epochs count >> withAugmentation Augmentation.noMirroring
        "nnUNetTrainerNoMirroring", withAugmentation Augmentation.noMirroring
        "nnUNetTrainer_onlyMirror01", withAugmentation (onlyMirror01 Augmentation.nnUNet)
        "nnUNetTrainer_onlyMirror01_1500ep",
        epochs 1500 >> withAugmentation (onlyMirror01 Augmentation.nnUNet)
        "nnUNetTrainer_onlyMirror01_DA5", withAugmentation (onlyMirror01 Augmentation.da5)
        "nnUNetTrainerNoDA", withAugmentation Augmentation.off
        "nnUNetTrainerDA5", withAugmentation Augmentation.da5
        "nnUNetTrainerDA5_10epochs", epochs 10 >> withAugmentation Augmentation.da5
        "nnUNetTrainerDiceLoss", withLoss Loss.Dice
        "nnUNetTrainerCELoss", withLoss Loss.CrossEntropy
        "nnUNetTrainerCELoss_5epochs", epochs 5 >> withLoss Loss.CrossEntropy
        "nnUNetTrainerDiceTopK10Loss", withLoss (Loss.DiceTopK 10.0)
        "nnUNetTrainerCosAnneal", withSchedule (Schedule.Cosine 0.0)
        "nnUNetTrainer_warmup", withSchedule (Schedule.WarmUp(50<epoch>, Schedule.Polynomial 0.9))
        for suffix, rate in [ "", 1e-2; "1en3", 1e-3; "3en4", 3e-4 ] do
            $"nnUNetTrainerAdam{suffix}", withOptimizer (Optimizer.AdamWAmsGrad(rate, 3e-5, 1e-8))
            $"nnUNetTrainerVanillaAdam{suffix}", withOptimizer (Optimizer.Adam(rate, 3e-5, 1e-8))
        "nnUNetTrainerBN", changeNetwork (withNorm Norm.Batch)
        "nnUNetTrainerNoDeepSupervision", changeNetwork (withDeepSupervision false)
    ]

    /// Every alias.
    let all =
        networks
        @ [
            for name, change in variants ->
                {
                    alias name plain PublishedTrainers.nnUNet with
                        TrainerAlias.Change =
                            change >> inFolderOf (name.Substring("nnUNetTrainer".Length).TrimStart '_')
                }
        ]

    /// The alias of that name, in upper or lower case.
    let tryFind (name: string) =
        all
        |> List.tryFind (fun (alias: TrainerAlias) ->
            System.String.Equals(alias.Name, name, System.StringComparison.OrdinalIgnoreCase))
