namespace MedSegDsl

/// A stage on nnFormer's way up: a transposed convolution doubles the resolution, then a layer whose keys and values come
/// from the skip, then `Depth` layers.
type SkipAttentionStage = {
    Attention: SwinMixer
    Depth: int
    Mixer: Mixer
}

/// nnFormer (Zhou et al. 2023): convolutions make tokens, stages of window attention with convolutions between them, skip
/// attention on the way up, and transposed convolutions from tokens to class maps.
type NnFormer = {
    /// Channels of the first stage; each further one has twice as many.
    Channels: int
    /// The stride of the embedding's first convolution.
    FirstStride: Size3
    /// The stride of its second.
    SecondStride: Size3
    /// From the highest resolution to the lowest.
    Encoder: PyramidStage list
    /// From the lowest resolution upwards; one stage fewer than the encoder.
    Decoder: SkipAttentionStage list
}

/// Changes of the parts of an nnFormer.
module internal NnFormerParts =
    /// Skip attention stays what it is: nothing else takes a skip.
    let mapMixers (change: Mixer -> Mixer) (former: NnFormer) = {
        former with
            Encoder = [
                for stage in former.Encoder ->
                    {
                        stage with
                            Mixer = change stage.Mixer
                    }
            ]
            Decoder = [
                for stage in former.Decoder ->
                    {
                        stage with
                            Mixer = change stage.Mixer
                    }
            ]
    }

    let mapChannels (change: int -> int) (former: NnFormer) = {
        former with
            Channels = change former.Channels
    }

    let withDepth depth (former: NnFormer) = {
        former with
            Encoder = [ for stage in former.Encoder -> { stage with Depth = depth } ]
            Decoder = [ for stage in former.Decoder -> { stage with Depth = depth } ]
    }

    /// The first `count` encoder stages, and the decoder stages that take their skips.
    let withStages count (former: NnFormer) =
        let encoder = List.truncate count former.Encoder
        let dropped = min former.Decoder.Length (former.Encoder.Length - encoder.Length)

        {
            former with
                Encoder = encoder
                Decoder = List.skip dropped former.Decoder
        }
