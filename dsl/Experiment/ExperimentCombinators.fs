/// Functions that make one experiment from another:
/// `Experiment.create dataset network |> asInUlikeMambaTrainer |> withFolds [ 0 .. 4 ] |> withSeeds [ 1; 2; 3 ]`.
[<AutoOpen>]
module MedSegDsl.ExperimentCombinators

/// The name of the results folder and of the experiment in tables.
let titled name (experiment: Experiment) = { experiment with Name = name }

/// The plans' configuration.
let withConfiguration configuration experiment = {
    experiment with
        Configuration = configuration
}

/// The plans file, without `.json`.
let withPlans plans experiment = { experiment with Plans = plans }

/// Folds of `splits_final.json`, by index.
let withFolds folds experiment = {
    experiment with
        Folds = List.map Fold.Index folds
}

/// One training on all cases, which also validate.
let withAllCases experiment = { experiment with Folds = [ Fold.All ] }

/// One training for each seed and fold.
let withSeeds seeds experiment = { experiment with Seeds = seeds }

/// Another network; the experiment's name stays.
let withNetwork network experiment = {
    experiment with
        Experiment.Network = network
}

/// The rule that turns gradients into steps.
let withOptimizer optimizer experiment = {
    experiment with
        Optimizer = optimizer
}

/// The learning rate over the epochs.
let withSchedule schedule experiment = { experiment with Schedule = schedule }

/// What training minimises.
let withLoss loss experiment = { experiment with Loss = loss }

/// Random changes of the training patches: `Augmentation.nnUNet`, `noMirroring`, `da5`, `off`, or a list of steps.
let withAugmentation steps experiment = {
    experiment with
        Experiment.Augmentation = steps
}

/// The number of epochs; the schedule runs over all of them.
let withEpochs (epochs: int<epoch>) experiment = { experiment with Epochs = epochs }

/// The training batches and the validation batches of an epoch.
let withIterations training validation experiment = {
    experiment with
        IterationsPerEpoch = training
        ValidationIterations = validation
}

/// Gradient accumulation: the batches whose mean gradient makes one step, a divisor of the training batches of an epoch.
let withBatchesPerStep count experiment = {
    experiment with
        BatchesPerStep = count
}

/// Whether training may end before its last epoch.
let withEarlyStop earlyStop experiment = {
    experiment with
        Experiment.EarlyStop = earlyStop
}

/// Patches in a batch, instead of the plans' number.
let withBatch size experiment = {
    experiment with
        Batch = Planned.Set size
}

/// The patch in voxels, instead of the plans'.
let withPatch (size: Size3) experiment = {
    experiment with
        Patch = Planned.Set size
}

/// The largest L2 norm of the gradient over all parameters.
let withGradientClipping norm experiment = {
    experiment with
        GradientClipping = norm
}

/// The share of a batch that must contain foreground, from 0 to 1.
let withForegroundOversampling share experiment = {
    experiment with
        ForegroundOversampling = share
}

/// The arithmetic of the forward and backward pass.
let withPrecision precision experiment = {
    experiment with
        Experiment.Precision = precision
}

/// Where the experiment runs.
let withDevice device experiment = {
    experiment with
        Experiment.Device = device
}

/// The optimizer, schedule and precision of a published trainer: `asInTrainer PublishedTrainers.swinUnetr`.
let asInTrainer (trainer: PublishedTrainer) experiment =
    experiment
    |> withOptimizer trainer.Optimizer
    |> withSchedule trainer.Schedule
    |> withPrecision trainer.Precision

/// The trainer that the paper publishes for UlikeMamba_3dMT: AdamW 1e-4 with weight decay 3e-5, polynomial schedule 0.9,
/// float32.
let asInUlikeMambaTrainer experiment =
    experiment |> asInTrainer PublishedTrainers.ulikeMamba

/// The trainer that the experiment's network was published with.
let asPublished (experiment: Experiment) =
    experiment |> asInTrainer (PublishedTrainers.ofNetwork experiment.Network)
