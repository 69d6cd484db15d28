namespace MedSegDsl

/// What a published trainer sets on top of nnU-Net's. Deep supervision and the rounding of patches belong to the network.
[<RequireQualifiedAccess>]
type PublishedTrainer = {
    Optimizer: Optimizer
    Schedule: Schedule
    Precision: Precision
}

/// The trainers of the paper's comparison (uakhan17/Mamba3D-MedSeg, nnunetv2/training/nnUNetTrainer) and the networks
/// that they belong to.
[<RequireQualifiedAccess>]
module PublishedTrainers =
    /// nnUNetTrainer: SGD 0.01 with Nesterov momentum 0.99 and weight decay 3e-5, polynomial 0.9, mixed precision. CoTr,
    /// U-Mamba and SegFormer3D train with it.
    let nnUNet: PublishedTrainer = {
        Optimizer = Optimizer.SgdNesterov(0.01, 0.99, 3e-5)
        Schedule = Schedule.Polynomial 0.9
        Precision = Precision.Float16
    }

    /// nnU-Net's in float32 (nnUNetTrainerUMambaEncNoAMP).
    let nnUNetFloat32 = {
        nnUNet with
            PublishedTrainer.Precision = Precision.Float32
    }

    /// UlikeMamba and UlikeTrans: AdamW 1e-4 with weight decay 3e-5, polynomial 0.9, float32.
    let ulikeMamba: PublishedTrainer = {
        Optimizer = Optimizer.AdamW(1e-4, 3e-5, 1e-8)
        Schedule = Schedule.Polynomial 0.9
        Precision = Precision.Float32
    }

    /// UNETR: AdamW 1e-4 with weight decay 0.01, polynomial 1.0, float32.
    let unetr: PublishedTrainer = {
        Optimizer = Optimizer.AdamW(1e-4, 0.01, 1e-5)
        Schedule = Schedule.Polynomial 1.0
        Precision = Precision.Float32
    }

    /// SwinUNETR: AdamW 8e-4 with weight decay 0.01, cosine to 1e-6, float32.
    let swinUnetr: PublishedTrainer = {
        Optimizer = Optimizer.AdamW(8e-4, 0.01, 1e-5)
        Schedule = Schedule.Cosine 1e-6
        Precision = Precision.Float32
    }

    /// MedNeXt: AdamW 1e-3 with weight decay 3e-5 and an epsilon that float16 bears, polynomial 0.9, mixed precision
    /// (MIC-DKFZ/MedNeXt, nnUNetTrainerV2_Optim_and_LR).
    let medNeXt: PublishedTrainer = {
        Optimizer = Optimizer.AdamW(1e-3, 3e-5, 1e-4)
        Schedule = Schedule.Polynomial 0.9
        Precision = Precision.Float16
    }

    /// The beginnings of networks' names; every other network has nnU-Net's trainer.
    let private families = [
        "UlikeMamba", ulikeMamba
        "UlikeTrans", ulikeMamba
        "UNETR", unetr
        "SwinUNETR", swinUnetr
        "MedNeXt", medNeXt
    ]

    /// The trainer that a network was published with, by the beginning of its name.
    let ofNetwork (network: Network) =
        families
        |> List.tryPick (fun (family, trainer) ->
            if network.Name.StartsWith(family, System.StringComparison.OrdinalIgnoreCase) then
                Some trainer
            else
                None)
        |> Option.defaultValue nnUNet
