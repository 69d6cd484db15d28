namespace MedSegDsl

/// One pass over the training set, in nnU-Net a fixed number of iterations.
[<Measure>]
type epoch

/// A dataset in nnU-Net's raw folder: `DatasetNNN_Name`.
type Dataset = {
    /// 1 to 999.
    Id: int
    /// The part after `DatasetNNN_`.
    Name: string
} with

    /// `Dataset218_AMOS2022`.
    member dataset.Folder = $"Dataset%03d{dataset.Id}_{dataset.Name}"

/// A configuration of the plans.
[<RequireQualifiedAccess>]
type Configuration =
    | TwoD
    | ThreeDFullRes
    | ThreeDLowRes
    | ThreeDCascadeFullRes

/// Which cases train and which validate.
[<RequireQualifiedAccess>]
type Fold =
    /// A split of `splits_final.json`.
    | Index of int
    /// Every case in both sets.
    | All

/// The rule that turns gradients into steps.
[<RequireQualifiedAccess>]
type Optimizer =
    /// Stochastic gradient descent with Nesterov momentum; weight decay is added to the gradient (nnU-Net's trainer).
    | SgdNesterov of learningRate: float * momentum: float * weightDecay: float
    /// Adam; weight decay is added to the gradient (nnUNetTrainerVanillaAdam).
    | Adam of learningRate: float * weightDecay: float * epsilon: float
    /// AdamW with decoupled weight decay (the paper's trainer).
    | AdamW of learningRate: float * weightDecay: float * epsilon: float
    /// AdamW that divides by the largest mean square so far, AMSGrad (nnUNetTrainerAdam).
    | AdamWAmsGrad of learningRate: float * weightDecay: float * epsilon: float

/// The learning rate over the epochs, set once at the start of each.
[<RequireQualifiedAccess>]
type Schedule =
    /// Initial rate · (1 − epoch / epochs)^exponent.
    | Polynomial of exponent: float
    /// Cosine from the initial rate to the minimum.
    | Cosine of minimum: float
    | Constant
    /// Linear from a fraction to the initial rate over these epochs, then another schedule over the epochs that are left
    /// (nnUNetTrainer_warmup: 50 epochs, then polynomial).
    | WarmUp of epochs: int<epoch> * next: Schedule

/// What training minimises.
[<RequireQualifiedAccess>]
type Loss =
    /// Soft Dice + cross-entropy; Dice + binary cross-entropy where the dataset has regions (nnU-Net's default).
    | DiceCrossEntropy
    | CrossEntropy
    | Dice
    /// Soft Dice + cross-entropy of the voxels where it is largest, this percentage of them (nnUNetTrainerDiceTopK10Loss:
    /// 10); not for regions.
    | DiceTopK of percent: float

/// Whether training may end before its last epoch.
[<RequireQualifiedAccess>]
type EarlyStop =
    /// Every epoch is trained (nnU-Net).
    | Never
    /// Training ends when the moving average of the pseudo Dice has not risen for this many epochs.
    | Patience of epochs: int<epoch>


/// The arithmetic of the forward and backward pass; weights and optimizer stay in float32.
[<RequireQualifiedAccess>]
type Precision =
    | Float32
    | BFloat16
    | Float16

/// Where an experiment runs.
[<RequireQualifiedAccess>]
type Device =
    /// The first GPU if there is one, else the CPU.
    | Automatic
    | Cpu
    | Cuda of index: int

/// A network, a dataset and how the one learns the other.
type Experiment = {
    Name: string
    Dataset: Dataset
    Configuration: Configuration
    /// The plans file without `.json`: `nnUNetPlans`.
    Plans: string
    Folds: Fold list
    /// One training for each seed and fold.
    Seeds: int list
    Network: Network
    Optimizer: Optimizer
    Schedule: Schedule
    Loss: Loss
    /// Random changes of the training patches, in the order in which they are applied; see `Augmentation`.
    Augmentation: AugmentationStep list
    Epochs: int<epoch>
    /// Training batches in an epoch.
    IterationsPerEpoch: int
    /// Validation batches after an epoch.
    ValidationIterations: int
    /// Training batches whose mean gradient makes one step of the optimizer; 1 is nnU-Net's.
    BatchesPerStep: int
    EarlyStop: EarlyStop
    Batch: Planned<int>
    Patch: Planned<Size3>
    /// The largest L2 norm of the gradient over all parameters.
    GradientClipping: float
    /// The share of a batch that must contain foreground.
    ForegroundOversampling: float
    Precision: Precision
    Device: Device
}
