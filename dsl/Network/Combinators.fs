/// Functions that make one network from another; a variant is one line from its parent:
/// `UlikeMamba.threeD |> withScan Scan.tri |> withMultiScale MSv4 |> named "UlikeMamba_3dMT"`.
[<AutoOpen>]
module MedSegDsl.NetworkCombinators

/// The name in tables, folders and on the command line. A variant keeps its parent's name until it gets its own.
let named name (network: Network) = { network with Name = name }

let private inArchitecture change network = {
    network with
        Architecture = change network.Architecture
}

/// Changes the U-shape of a network that is one; another network stays as it is.
let mapUShape (change: UShape -> UShape) =
    inArchitecture (fun architecture ->
        match architecture with
        | Architecture.UShape shape -> Architecture.UShape(change shape)
        | other -> other)

/// Changes the UNETR of a network that is one; another network stays as it is.
let mapUnetr (change: Unetr -> Unetr) =
    inArchitecture (fun architecture ->
        match architecture with
        | Architecture.Unetr unetr -> Architecture.Unetr(change unetr)
        | other -> other)

/// Changes the SegFormer of a network that is one; another network stays as it is.
let mapSegFormer (change: SegFormer -> SegFormer) =
    inArchitecture (fun architecture ->
        match architecture with
        | Architecture.SegFormer shape -> Architecture.SegFormer(change shape)
        | other -> other)

/// Changes the CoTr of a network that is one; another network stays as it is.
let mapCoTr (change: CoTr -> CoTr) =
    inArchitecture (fun architecture ->
        match architecture with
        | Architecture.CoTr shape -> Architecture.CoTr(change shape)
        | other -> other)

/// Changes the MedNeXt of a network that is one; another network stays as it is.
let mapMedNeXt (change: MedNeXt -> MedNeXt) =
    inArchitecture (fun architecture ->
        match architecture with
        | Architecture.MedNeXt shape -> Architecture.MedNeXt(change shape)
        | other -> other)

/// Changes the U-Net of a network that is one; another network stays as it is.
let mapUNet (change: UNet -> UNet) =
    inArchitecture (fun architecture ->
        match architecture with
        | Architecture.UNet net -> Architecture.UNet(change net)
        | other -> other)

/// Changes every encoder stage of a U-shape; the change is given the stage's index from 0 (ES1).
let mapEncoder (change: int -> EncoderStage -> EncoderStage) =
    mapUShape (UShapeParts.mapEncoder change)

/// Changes every decoder stage of a U-shape; the change is given the stage's index from 0 (DS1, the lowest resolution).
let mapDecoder (change: int -> DecoderStage -> DecoderStage) =
    mapUShape (UShapeParts.mapDecoder change)

/// Changes the mixer of every stage, whatever the architecture; CoTr's stages have convolutions and no mixers.
let mapMixers (change: Mixer -> Mixer) =
    inArchitecture (fun architecture ->
        match architecture with
        | Architecture.UShape shape -> Architecture.UShape(UShapeParts.mapMixers change shape)
        | Architecture.Unetr unetr -> Architecture.Unetr(UnetrParts.mapMixers change unetr)
        | Architecture.SegFormer shape -> Architecture.SegFormer(SegFormerParts.mapMixers change shape)
        | Architecture.CoTr shape -> Architecture.CoTr shape
        | Architecture.MedNeXt shape -> Architecture.MedNeXt(MedNeXtParts.mapMixers change shape)
        | Architecture.UNet net -> Architecture.UNet(UNetParts.mapMixers change net))

let private mamba change =
    function
    | Mixer.Mamba mixer -> Mixer.Mamba(change mixer)
    | Mixer.UMamba mixer ->
        Mixer.UMamba {
            mixer with
                Mamba = change mixer.Mamba
        }
    | other -> other

let private attention change =
    function
    | Mixer.Attention mixer -> Mixer.Attention(change mixer)
    | other -> other

/// Changes the Mamba layers of every stage; other layers stay as they are.
let mapMamba (change: MambaMixer -> MambaMixer) = mapMixers (mamba change)

/// Changes the attention layers of every stage; other layers stay as they are.
let mapAttention (change: AttentionMixer -> AttentionMixer) = mapMixers (attention change)

/// The same mixer in every stage that has one.
let withMixer mixer = mapMixers (fun _ -> mixer)

/// `depth` layers of a mixer in some encoder stages: in a U-shape in the place of the stage's own layers, in a U-Net in
/// the place of its blocks but the first. Other networks stay as they are.
let withMixerIn stages depth mixer =
    inArchitecture (fun architecture ->
        match architecture with
        | Architecture.UShape shape ->
            let count = shape.Encoder.Length

            shape
            |> UShapeParts.mapEncoder (fun i stage ->
                if StageSet.contains i count stages then
                    {
                        stage with
                            Depth = depth
                            Mixer = mixer
                    }
                else
                    stage)
            |> Architecture.UShape
        | Architecture.UNet net ->
            let layers = {
                Stages = stages
                Depth = depth
                Mixer = mixer
                InPlaceOfBlocks = true
            }

            Architecture.UNet {
                net with
                    EncoderLayers = net.EncoderLayers @ [ layers ]
            }
        | other -> other)

/// The orders in which the Mamba layers read a volume.
let withScan (scan: Scan) =
    mapMamba (fun mixer -> { mixer with Scan = scan })

/// How the results of a scan's orders come together; the paper averages them.
let withScanFusion fusion =
    mapMamba (fun mixer -> { mixer with ScanFusion = fusion })

/// Whether the orders of a scan share the state-space model's parameters.
let withSsm parameters =
    mapMamba (fun mixer -> { mixer with Ssm = parameters })

/// N, the numbers in the state of one channel (16 in the paper).
let withStateSize size =
    mapMamba (fun mixer -> { mixer with StateSize = size })

/// E, the inner channels of a Mamba layer over its channels (2 in the paper).
let withExpansion expansion =
    mapMamba (fun mixer -> { mixer with Expansion = expansion })

/// The depthwise convolution in front of every selective scan.
let withConvolution convolution =
    mapMamba (fun mixer -> { mixer with Convolution = convolution })

let private joinedScales =
    DepthwiseConv.MultiScale3d([ 3; 5; 7 ], ScaleFusion.JoinedSequence)

let private withEmbeddings embedding =
    mapEncoder (fun i stage ->
        if i < 2 then
            { stage with Embedding = embedding }
        else
            stage)

/// A multi-scale scheme in the encoder, where the paper has it: MSv1–MSv3 in the embeddings of ES1 and ES2, joined
/// along channels and fused by a 1×1×1 convolution; MSv4 in the Mamba layers of every encoder stage.
let withMultiScale scheme network =
    match scheme with
    | MSv1 ->
        network
        |> withEmbeddings (Embedding.FusedAfterMixers([ 3; 7 ], Fusion.Concatenation))
    | MSv2 ->
        network
        |> withEmbeddings (Embedding.FusedBeforeMixers([ 3; 7 ], Fusion.Concatenation))
    | MSv3 ->
        network
        |> withEmbeddings (Embedding.FusedBeforeMixers([ 3; 5; 7 ], Fusion.Concatenation))
    | MSv4 ->
        network
        |> mapEncoder (fun _ stage -> {
            stage with
                Mixer =
                    stage.Mixer
                    |> mamba (fun mixer -> {
                        mixer with
                            Convolution = joinedScales
                    })
        })

/// MSv4 in the Mamba layers of every decoder stage, as the public code's UlikeMamba_3d_MSv4 has it beside the
/// encoder's.
let withMultiScaleDecoder network =
    network
    |> mapDecoder (fun _ stage -> {
        stage with
            Mixer =
                stage.Mixer
                |> mamba (fun mixer -> {
                    mixer with
                        Convolution = joinedScales
                })
    })

/// How the embeddings' scales come together in the stages that have several (MSv1–MSv3).
let withEmbeddingFusion fusion =
    mapEncoder (fun _ stage -> {
        stage with
            Embedding =
                match stage.Embedding with
                | Embedding.Convolution kernel -> Embedding.Convolution kernel
                | Embedding.FusedBeforeMixers(kernels, _) -> Embedding.FusedBeforeMixers(kernels, fusion)
                | Embedding.FusedAfterMixers(kernels, _) -> Embedding.FusedAfterMixers(kernels, fusion)
    })

/// How the decoder stages of a U-shape double the resolution.
let withUpsampling upsampling =
    mapDecoder (fun _ stage -> { stage with Upsampling = upsampling })

/// How weights start.
let withInitialisation initialisation network = {
    network with
        Initialisation = initialisation
}

/// What tells a token mixer of a U-shape where a token lies.
let withPositionEmbedding embedding =
    mapUShape (fun shape -> {
        shape with
            PositionEmbedding = embedding
    })

/// The normalisation of the convolution blocks.
let withNorm norm (network: Network) = { network with Norm = norm }

/// The non-linearity of the convolution blocks.
let withActivation activation network = { network with Activation = activation }

/// Whether training sees class maps of lower resolutions beside the final one.
let withDeepSupervision on network = { network with DeepSupervision = on }

/// The heads and reductions of a U-shape's attention layers, one for each encoder stage, then one for each decoder
/// stage; stages beyond the lists stay as they are.
let withHeadsAndReductions (encoder: (int * int) list) (decoder: (int * int) list) network =
    let set pairs i stageMixer =
        match List.tryItem i pairs with
        | None -> stageMixer
        | Some(heads, reduction) ->
            stageMixer
            |> attention (fun mixer -> {
                mixer with
                    Heads = heads
                    Reduction = reduction
            })

    network
    |> mapEncoder (fun i stage -> {
        stage with
            Mixer = set encoder i stage.Mixer
    })
    |> mapDecoder (fun i stage -> {
        stage with
            Mixer = set decoder i stage.Mixer
    })

/// Changes the channels of every stage: `mapChannels (fun c -> c / 2)` is a network of half the width. Here and below,
/// sizes that come from the plans stay open.
let mapChannels (change: int -> int) =
    inArchitecture (fun architecture ->
        match architecture with
        | Architecture.UShape shape -> Architecture.UShape(UShapeParts.mapChannels change shape)
        | Architecture.Unetr unetr -> Architecture.Unetr(UnetrParts.mapChannels change unetr)
        | Architecture.SegFormer shape -> Architecture.SegFormer(SegFormerParts.mapChannels change shape)
        | Architecture.CoTr shape -> Architecture.CoTr(CoTrParts.mapChannels change shape)
        | Architecture.MedNeXt shape -> Architecture.MedNeXt(MedNeXtParts.mapChannels change shape)
        | Architecture.UNet net -> Architecture.UNet(UNetParts.mapChannels change net))

/// The kernel of a U-shape's stem; 7 in the paper.
let withStemKernel kernel =
    mapUShape (fun shape -> {
        shape with
            UShape.Stem.Kernel = kernel
    })

/// The same number of layers, and of a U-Net's blocks, in every stage.
let withDepth depth =
    inArchitecture (fun architecture ->
        match architecture with
        | Architecture.UShape shape -> Architecture.UShape(UShapeParts.withDepth depth shape)
        | Architecture.Unetr unetr -> Architecture.Unetr(UnetrParts.withDepth depth unetr)
        | Architecture.SegFormer shape -> Architecture.SegFormer(SegFormerParts.withDepth depth shape)
        | Architecture.CoTr shape -> Architecture.CoTr(CoTrParts.withDepth depth shape)
        | Architecture.MedNeXt shape -> Architecture.MedNeXt(MedNeXtParts.withDepth depth shape)
        | Architecture.UNet net -> Architecture.UNet(UNetParts.withDepth depth net))

/// A shallower U: the first `count` encoder stages, and the decoder stages that take their skips.
let withStages count =
    inArchitecture (fun architecture ->
        match architecture with
        | Architecture.UShape shape -> Architecture.UShape(UShapeParts.withStages count shape)
        | Architecture.Unetr unetr -> Architecture.Unetr(UnetrParts.withStages count unetr)
        | Architecture.SegFormer shape -> Architecture.SegFormer(SegFormerParts.withStages count shape)
        | Architecture.CoTr shape -> Architecture.CoTr(CoTrParts.withStages count shape)
        | Architecture.MedNeXt shape -> Architecture.MedNeXt(MedNeXtParts.withStages count shape)
        | Architecture.UNet net -> Architecture.UNet(UNetParts.withStages count net))

/// What the paper's text and tables say where the public code differs: a transposed convolution in each decoder stage,
/// multi-scale in the encoder only, and a set of state-space parameters for each order of a scan.
let asInPaper network =
    network
    |> withUpsampling Upsampling.Transposed
    |> withSsm SsmParameters.Separate
    |> mapDecoder (fun _ stage -> {
        stage with
            Mixer =
                stage.Mixer
                |> mamba (fun mixer ->
                    match mixer.Convolution with
                    | DepthwiseConv.MultiScale3d(kernel :: _, _) -> {
                        mixer with
                            Convolution = DepthwiseConv.Volume3d kernel
                      }
                    | _ -> mixer)
    })
