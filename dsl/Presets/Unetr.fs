/// UNETR, SwinUNETR, 3D UX-Net and SegMamba as published (Project-MONAI/MONAI, MASILab/3DUX-Net, ge-xing/SegMamba).
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module MedSegDsl.Unetr

let private create name channels encoder = {
    Name = name
    Architecture =
        Architecture.Unetr {
            Channels = channels
            Encoder = encoder
        }
    Norm = Norm.PlainInstance
    Activation = Activation.LeakyReLU 0.01
    Initialisation = Initialisation.Mamba
    DeepSupervision = false
}

/// UNETR: 12 ViT layers on tokens of 16³ voxels (Hatamizadeh et al. 2022).
let unetr =
    create
        "UNETR"
        16
        (UnetrEncoder.Column {
            TokenSize = 16
            Channels = 768
            Depth = 12
            Mixer =
                Mixer.Vit {
                    Heads = 12
                    FeedForwardRatio = 4
                    QkvBias = false
                    Dropout = 0.0
                    UnusedCrossAttention = true
                }
            Taps = [ 4; 7; 10 ]
            PositionEmbedding = PositionEmbedding.Learned
            Dropout = 0.0
        })

let private swin heads =
    Mixer.Swin {
        Heads = heads
        Window = Size3.cube 7
        FeedForwardRatio = 4
        QkvBias = true
        Dropout = 0.0
        DropPath = DropPath.none
        Code = SwinCode.Monai
    }

let private swinUnetr name merging residualBlocks =
    create
        name
        48
        (UnetrEncoder.Windows {
            Stages = [ for heads in [ 3; 6; 12; 24 ] -> { Depth = 2; Mixer = swin heads } ]
            Merging = merging
            ResidualBlocks = residualBlocks
            NormalisedSkips = true
        })

/// SwinUNETR of feature size 48: stages of two Swin layers, window 7 (Hatamizadeh et al. 2022).
let swinUnetrV1 = swinUnetr "SwinUNETR" PatchMerging.V1 false

/// SwinUNETR with the merging that takes each neighbour once.
let swinUnetrMergingV2 = swinUnetr "SwinUNETR_mergingv2" PatchMerging.V2 false

/// SwinUNETR-V2: a residual convolution block in front of each stage (He et al. 2023).
let swinUnetrV2 = swinUnetr "SwinUNETR_v2" PatchMerging.V1 true

/// 3D UX-Net: stages of two layers with depthwise convolutions of kernel 7 (Lee et al. 2023).
let uxNet =
    create
        "UXNet"
        48
        (UnetrEncoder.Convolutions {
            StemKernel = 7
            Stages = [
                for _ in 1..4 ->
                    {
                        Depth = 2
                        Mixer =
                            Mixer.Ux {
                                Kernel = 7
                                Expansion = 4
                                LayerScale = 1e-6
                                DropPath = DropPath.none
                            }
                    }
            ]
            Norm = PyramidNorm.Layer
            GatedConvolution = false
            SkipFeedForward = false
        })

/// SegMamba: stages of two Mamba layers that read the volume forward, backward and slice by slice, behind gated
/// convolutions (Xing et al. 2024, ge-xing/SegMamba). The public code has 64, 32, 16 and 8 slices, as a patch of 128³ has;
/// here a stage has as many as its volume.
let segMamba =
    create
        "SegMamba"
        48
        (UnetrEncoder.Convolutions {
            StemKernel = 7
            Stages = [
                for _ in 1..4 ->
                    {
                        Depth = 2
                        Mixer =
                            Mixer.SegMamba {
                                Convolution = DepthwiseConv.Causal1d 4
                                Scan = [ ScanOrder.Forward; ScanOrder.Backward; ScanOrder.FrontBack ]
                                ScanFusion = Fusion.Sum
                                Ssm = SsmParameters.Separate
                                StateSize = 16
                                Expansion = 2
                            }
                    }
            ]
            Norm = PyramidNorm.Instance
            GatedConvolution = true
            SkipFeedForward = true
        })

/// Every network of this module.
let all = [ unetr; swinUnetrV1; swinUnetrMergingV2; swinUnetrV2; uxNet; segMamba ]
