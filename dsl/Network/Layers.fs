namespace MedSegDsl

/// The normalisation inside a convolution block.
[<RequireQualifiedAccess>]
type Norm =
    /// Instance normalisation with learned scale and shift.
    | Instance
    /// Instance normalisation without scale and shift (MONAI's `instance`).
    | PlainInstance
    /// Batch normalisation.
    | Batch
    /// Group normalisation.
    | Group of groups: int

/// The non-linearity of a convolution block.
[<RequireQualifiedAccess>]
type Activation =
    | LeakyReLU of slope: float
    | ReLU
    | GELU
    | SiLU

/// How several volumes of the same size become one.
[<RequireQualifiedAccess>]
type Fusion =
    /// Their sum.
    | Sum
    /// Their mean.
    | Mean
    /// Joined along channels, then a 1×1×1 convolution back to the channels of one.
    | Concatenation

/// How a decoder stage doubles the resolution before it adds the skip connection.
[<RequireQualifiedAccess>]
type Upsampling =
    /// A transposed convolution, kernel 2, stride 2 (the paper's table).
    | Transposed
    /// Trilinear ×2, a 1×1×1 convolution to the skip's channels, the sum, a 3×3×3 convolution block (the public code).
    | Trilinear

/// How weights start.
[<RequireQualifiedAccess>]
type Initialisation =
    /// Truncated normal 0.02 for linear layers, but Mamba's own start for the time step, so that softplus of its
    /// bias lands in [0.001, 0.1] (state-spaces/mamba).
    | Mamba
    /// What the network's public code does. UlikeMamba and UlikeTrans: the same, with the time step's bias overwritten
    /// by 0. U-Nets: PyTorch's defaults, with which the published classes are made.
    | AsPublished
    /// What nnU-Net's trainer does: He's normal for leaky ReLU 0.01 over the fan-in for every convolution, biases 0, and
    /// in a residual encoder the last norm of each block 0. Linear and Mamba layers start as their own code says.
    | He

/// What tells a token mixer where a token lies.
[<RequireQualifiedAccess>]
type PositionEmbedding =
    /// One learned vector for each token of the patch, (1, L, C), added before a stage's layers.
    | Learned
    /// None.
    | Absent
