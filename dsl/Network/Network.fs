namespace MedSegDsl

/// The first block: convolution → norm → activation near full resolution.
type Stem = {
    Channels: int
    Kernel: int
    Stride: Size3
}

/// The convolution blocks that bring a stage to its resolution and channels, and how many scales they see.
[<RequireQualifiedAccess>]
type Embedding =
    /// One convolution block.
    | Convolution of kernel: int
    /// Convolution blocks of several kernels, fused, then one chain of mixer layers (MSv2: 3, 7; MSv3: 3, 5, 7).
    | FusedBeforeMixers of kernels: int list * fusion: Fusion
    /// Convolution blocks of several kernels, each with its own chain of mixer layers, fused after (MSv1: 3, 7).
    | FusedAfterMixers of kernels: int list * fusion: Fusion

/// A stage on the way down: the embedding, then `Depth` mixer layers.
type EncoderStage = {
    Channels: int
    Stride: Size3
    Embedding: Embedding
    Depth: int
    Mixer: Mixer
}

/// A stage on the way up: upsampling to the skip's size and channels, the sum with the skip, `Depth` mixer layers.
/// Counted from 0, stage i of a decoder takes the skip of encoder stage n − 2 − i of n, and with it its size and
/// channels.
type DecoderStage = {
    Upsampling: Upsampling
    Depth: int
    Mixer: Mixer
}

/// A U-shaped segmentation network. After the decoder's stages a transposed convolution brings the volume to the
/// stem's resolution, where the stem's output is added and a convolution block follows; the head upsamples by the
/// stem's stride and classifies each voxel.
type Network = {
    /// The name in tables, folders and on the command line.
    Name: string
    Stem: Stem
    /// From the highest resolution to the lowest.
    Encoder: EncoderStage list
    /// From the lowest resolution upwards; one stage fewer than the encoder.
    Decoder: DecoderStage list
    PositionEmbedding: PositionEmbedding
    Norm: Norm
    Activation: Activation
    Initialisation: Initialisation
    /// Whether training sees a class map from every decoder stage beside the final one.
    DeepSupervision: bool
}
