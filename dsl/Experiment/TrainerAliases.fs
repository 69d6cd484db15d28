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

    let private networks = [
        alias "nnUNetTrainer" plain PublishedTrainers.nnUNet
        alias "nnUNetTrainerUlikeMamba_3dMT" "UlikeMamba_3dMT" PublishedTrainers.ulikeMamba
        alias "nnUNetTrainerUMambaBot" "UMambaBot" PublishedTrainers.nnUNet
        alias "nnUNetTrainerUMambaEnc" "UMambaEnc" PublishedTrainers.nnUNet
        alias "nnUNetTrainerUMambaEncNoAMP" "UMambaEnc" PublishedTrainers.nnUNetFloat32
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

    /// nnU-Net's variants of its own trainer (nnUNetTrainer/variants).
    let private variants = [
        for epochs in [ 1; 5; 10; 20; 50; 100; 250; 500; 750; 2000; 4000; 8000 ] do
            let suffix = if epochs = 1 then "epoch" else "epochs"
            $"nnUNetTrainer_{epochs}{suffix}", withEpochs (LanguagePrimitives.Int32WithMeasure epochs)
        "nnUNetTrainerNoMirroring", withAugmentation Augmentation.noMirroring
        "nnUNetTrainerNoDA", withAugmentation Augmentation.off
        "nnUNetTrainerDA5", withAugmentation Augmentation.da5
        "nnUNetTrainerDiceLoss", withLoss Loss.Dice
        "nnUNetTrainerCELoss", withLoss Loss.CrossEntropy
        "nnUNetTrainerDiceTopK10Loss", withLoss (Loss.DiceTopK 10.0)
        "nnUNetTrainerCosAnneal", withSchedule (Schedule.Cosine 0.0)
        "nnUNetTrainer_warmup", withSchedule (Schedule.WarmUp(50<epoch>, Schedule.Polynomial 0.9))
    ]

    /// Every alias.
    let all =
        networks
        @ [
            for name, change in variants ->
                {
                    alias name plain PublishedTrainers.nnUNet with
                        TrainerAlias.Change = change
                }
        ]

    /// The alias of that name, in upper or lower case.
    let tryFind (name: string) =
        all
        |> List.tryFind (fun (alias: TrainerAlias) ->
            System.String.Equals(alias.Name, name, System.StringComparison.OrdinalIgnoreCase))
