namespace MedSegDsl

/// How experiments begin.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module Experiment =
    /// A network on a dataset under nnU-Net v2's defaults (nnUNetTrainer): 3d_fullres, fold 0, 1000 epochs of 250
    /// training and 50 validation batches, SGD 0.01 with Nesterov momentum 0.99 and weight decay 3e-5, polynomial
    /// schedule 0.9, Dice + cross-entropy, nnU-Net's augmentation, gradients clipped at 12, a third of each batch on
    /// foreground. Named after the dataset and the network.
    let create (dataset: Dataset) (network: Network) : Experiment = {
        Name = $"{dataset.Folder}-{network.Name}"
        Dataset = dataset
        Configuration = Configuration.ThreeDFullRes
        Plans = "nnUNetPlans"
        Folds = [ Fold.Index 0 ]
        Seeds = [ 1 ]
        Network = network
        Optimizer = Optimizer.SgdNesterov(0.01, 0.99, 3e-5)
        Schedule = Schedule.Polynomial 0.9
        Loss = Loss.DiceCrossEntropy
        Augmentation = Augmentation.nnUNet
        Epochs = 1000<epoch>
        IterationsPerEpoch = 250
        ValidationIterations = 50
        BatchesPerStep = 1
        EarlyStop = EarlyStop.Never
        Batch = Planned.FromPlans
        Patch = Planned.FromPlans
        GradientClipping = 12.0
        ForegroundOversampling = 0.33
        Precision = Precision.Float32
        Device = Device.Automatic
    }

    /// The experiment, or everything wrong with it, by path; the network's errors lie under `network`.
    let validate (experiment: Experiment) : Result<Experiment, DslError list> =
        ExperimentRules.experiment experiment |> Validation.sorted
