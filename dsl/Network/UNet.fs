namespace MedSegDsl

/// The sizes of an encoder stage.
type UNetStage = {
    Channels: int
    /// Of the stage's first block.
    Stride: Size3
    /// Of every convolution in the stage's blocks, and of the decoder stage's that takes its skip.
    Kernel: Size3
    /// Blocks of convolutions, the first included.
    Blocks: int
}

/// The sizes of a U-Net, which nnU-Net's planner makes.
type UNetSizes = {
    /// From the highest resolution to the bottleneck.
    Encoder: UNetStage list
    /// The blocks of each decoder stage, from the lowest resolution upwards; one stage fewer than the encoder.
    Decoder: int list
}

/// What the stages of an encoder are made of.
[<RequireQualifiedAccess>]
type UNetEncoder =
    /// Convolution → norm → activation; the first of a stage has its stride (nnU-Net's PlainConvUNet).
    | Plain
    /// A stem of one convolution block, then residual blocks whose skip is average pooling and a 1×1×1 convolution with
    /// norm where size and channels change (nnU-Net's ResidualEncoderUNet).
    | Residual
    /// A stem of as many blocks as the first stage has; a stage's first block has a strided 1×1×1 convolution without
    /// norm for its skip (U-Mamba).
    | UMamba

/// What the stages of a decoder are made of. Skips are joined along channels.
[<RequireQualifiedAccess>]
type UNetDecoder =
    /// A transposed convolution of kernel = stride; then convolution → norm → activation (nnU-Net).
    | Plain
    /// Nearest neighbours and a 1×1×1 convolution; then residual blocks as in the encoder (U-Mamba).
    | UMamba

/// Some of the stages of an encoder or decoder.
[<RequireQualifiedAccess>]
type StageSet =
    | All
    /// So many from the lowest resolution: `Lowest 1` of an encoder is the bottleneck.
    | Lowest of count: int
    /// So many from the highest resolution.
    | Highest of count: int

/// Mixer layers in some stages.
type StageLayers = {
    Stages: StageSet
    Depth: int
    Mixer: Mixer
    /// Whether they stand in the place of the stage's blocks but the first, which gives the stage its size and channels;
    /// else after all blocks.
    InPlaceOfBlocks: bool
}

/// A U-Net as nnU-Net and U-Mamba have it, with mixer layers in stages of choice.
type UNet = {
    /// From the plans, or set; where there are no plans, nnU-Net's rule for the patch gives them.
    Sizes: Planned<UNetSizes>
    Encoder: UNetEncoder
    EncoderLayers: StageLayers list
    Decoder: UNetDecoder
    DecoderLayers: StageLayers list
}

[<RequireQualifiedAccess>]
module StageSet =
    /// Whether the set has the stage that lies `below` the highest resolution by so many stages of `count`.
    let contains below count set =
        match set with
        | StageSet.All -> true
        | StageSet.Lowest some -> below >= count - some
        | StageSet.Highest some -> below < some

/// Changes of the parts of a U-Net.
module internal UNetParts =
    let private mapLayers change (net: UNet) = {
        net with
            EncoderLayers = List.map change net.EncoderLayers
            DecoderLayers = List.map change net.DecoderLayers
    }

    let mapMixers (change: Mixer -> Mixer) =
        mapLayers (fun layers -> {
            layers with
                Mixer = change layers.Mixer
        })

    let private mapSizes change (net: UNet) =
        match net.Sizes with
        | Planned.FromPlans -> net
        | Planned.Set sizes -> {
            net with
                Sizes = Planned.Set(change sizes)
          }

    let private mapStages change =
        mapSizes (fun sizes -> {
            sizes with
                Encoder = List.map change sizes.Encoder
        })

    let mapChannels (change: int -> int) =
        mapStages (fun stage -> {
            stage with
                UNetStage.Channels = change stage.Channels
        })

    let withDepth depth net =
        net
        |> mapStages (fun stage -> { stage with Blocks = depth })
        |> mapSizes (fun sizes -> {
            sizes with
                UNetSizes.Decoder = [ for _ in sizes.Decoder -> depth ]
        })
        |> mapLayers (fun layers -> { layers with Depth = depth })

    /// The first `count` encoder stages, and the decoder stages that take their skips.
    let withStages count =
        mapSizes (fun sizes ->
            let encoder = List.truncate count sizes.Encoder
            let dropped = min sizes.Decoder.Length (sizes.Encoder.Length - encoder.Length)

            {
                UNetSizes.Encoder = encoder
                UNetSizes.Decoder = List.skip dropped sizes.Decoder
            })
