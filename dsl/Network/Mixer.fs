namespace MedSegDsl

/// How the results of a layer's several kernel sizes come together before the selective scan.
[<RequireQualifiedAccess>]
type ScaleFusion =
    /// Joined end to end into one sequence, scanned as one, then split and joined along channels (MSv4).
    | JoinedSequence
    /// Fused into one volume, scanned once.
    | Fused of Fusion

/// The depthwise convolution in front of a selective scan.
[<RequireQualifiedAccess>]
type DepthwiseConv =
    /// Causal, along the token sequence (UlikeMamba_1d: kernel 4).
    | Causal1d of kernel: int
    /// On the volume, kernel³ with same padding (UlikeMamba_3d: kernel 3).
    | Volume3d of kernel: int
    /// On the volume at several kernel sizes (MSv4: 3, 5, 7).
    | MultiScale3d of kernels: int list * fusion: ScaleFusion

/// Whether the orders of a scan share x_proj, dt_proj, A and D. Every order has its own convolution.
[<RequireQualifiedAccess>]
type SsmParameters =
    /// One set for all orders.
    | Shared
    /// One set for all orders, beside copies for each further order that are never used: what the public code's
    /// checkpoints hold, names ending in `_b`, `_c`.
    | SharedWithUnusedCopies
    /// A set for each order (the paper's text).
    | Separate

/// x + mixer(RMSNorm(x)): linear C → 2·E·C, depthwise convolution, SiLU, selective scan, gate, linear → C.
type MambaMixer = {
    /// The depthwise convolution of each order.
    Convolution: DepthwiseConv
    /// The orders in which the volume is scanned.
    Scan: Scan
    /// How the orders' results come together.
    ScanFusion: Fusion
    /// Whether orders share the parameters of the state-space model.
    Ssm: SsmParameters
    /// N, the numbers in the state of one channel.
    StateSize: int
    /// E, the inner channels over C.
    Expansion: int
}

/// x + SRA(LN(x)), then x + FFN(LN(x)), with keys and values shrunk by a convolution of kernel = stride = reduction.
type AttentionMixer = {
    /// Attention heads; must divide the stage's channels.
    Heads: int
    /// Kernel and stride of the convolution that shrinks keys and values; 1 is full attention.
    Reduction: int
    /// Hidden channels of the feed-forward network over C.
    FeedForwardRatio: int
    /// Whether the q and kv linear layers have a bias.
    QkvBias: bool
    /// Epsilon of the two layer norms.
    NormEpsilon: float
}

/// mixer(LN(x)), without the skip that a Mamba layer has (bowang-lab/U-Mamba, MambaLayer).
type UMambaMixer = {
    /// The mixer; U-Mamba's is state-spaces/mamba's: causal convolution of kernel 4, one forward scan.
    Mamba: MambaMixer
    /// Whether channels are the tokens, and voxels their features, where a volume has no more voxels than channels. The
    /// layer then belongs to one patch size.
    ChannelTokens: bool
}

/// What a stage repeats `Depth` times.
[<RequireQualifiedAccess>]
type Mixer =
    | Mamba of MambaMixer
    | UMamba of UMambaMixer
    | Attention of AttentionMixer
    /// A convolution block: convolution, norm, activation.
    | PlainConvolution of kernel: int
    /// Two convolutions with norms and a skip around both.
    | ResidualConvolution of kernel: int
    /// Attention inside windows.
    | Swin of SwinMixer
    /// Attention between all tokens, with MONAI's names.
    | Vit of VitMixer
    /// 3D UX-Net's block.
    | Ux of UxMixer
    /// SegFormer's layer.
    | MixTransformer of MixTransformerMixer
    /// CoTr's layer, on one volume.
    | DeformableAttention of DeformableMixer
    /// MedNeXt's block.
    | MedNeXt of MedNeXtBlock
