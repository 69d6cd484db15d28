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

/// The U-shape of UlikeMamba and UlikeTrans. After the decoder's stages a transposed convolution brings the volume to
/// the stem's resolution, where the stem's output is added and a convolution block follows; the head upsamples by the
/// stem's stride and classifies each voxel.
type UShape = {
    Stem: Stem
    /// From the highest resolution to the lowest.
    Encoder: EncoderStage list
    /// From the lowest resolution upwards; one stage fewer than the encoder.
    Decoder: DecoderStage list
    PositionEmbedding: PositionEmbedding
}

/// Changes of the parts of a U-shape.
module internal UShapeParts =
    let mapEncoder (change: int -> EncoderStage -> EncoderStage) (shape: UShape) = {
        shape with
            Encoder = List.mapi change shape.Encoder
    }

    let mapDecoder (change: int -> DecoderStage -> DecoderStage) (shape: UShape) = {
        shape with
            Decoder = List.mapi change shape.Decoder
    }

    let mapMixers (change: Mixer -> Mixer) shape =
        shape
        |> mapEncoder (fun _ stage -> {
            stage with
                Mixer = change stage.Mixer
        })
        |> mapDecoder (fun _ stage -> {
            stage with
                Mixer = change stage.Mixer
        })

    /// The decoder's channels are those of the skips.
    let mapChannels (change: int -> int) (shape: UShape) =
        {
            shape with
                UShape.Stem.Channels = change shape.Stem.Channels
        }
        |> mapEncoder (fun _ stage -> {
            stage with
                Channels = change stage.Channels
        })

    let withDepth depth shape =
        shape
        |> mapEncoder (fun _ stage -> { stage with Depth = depth })
        |> mapDecoder (fun _ stage -> { stage with Depth = depth })

    /// The first `count` encoder stages, and the decoder stages that take their skips.
    let withStages count (shape: UShape) =
        let encoder = List.truncate count shape.Encoder
        let dropped = min shape.Decoder.Length (shape.Encoder.Length - encoder.Length)

        {
            shape with
                Encoder = encoder
                Decoder = List.skip dropped shape.Decoder
        }
