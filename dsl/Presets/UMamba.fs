/// U-Mamba (bowang-lab/U-Mamba, 3D): a residual U-Net under nnU-Net's plans, with Mamba layers.
[<RequireQualifiedAccess>]
module MedSegDsl.UMamba

let private layers stages channelTokens = {
    Stages = stages
    Depth = 1
    Mixer =
        Mixer.UMamba {
            Mamba = {
                Convolution = DepthwiseConv.Causal1d 4
                Scan = Scan.single
                ScanFusion = Fusion.Mean
                Ssm = SsmParameters.Shared
                StateSize = 16
                Expansion = 2
            }
            ChannelTokens = channelTokens
        }
    InPlaceOfBlocks = false
}

let private create name layers =
    NnUNet.create name UNetEncoder.UMamba UNetDecoder.UMamba
    |> mapUNet (fun net -> { net with EncoderLayers = layers })

/// The same network without Mamba layers.
let noMamba = create "UMambaBase" []

/// U-Mamba Bot: one Mamba layer, in the bottleneck.
let bot = create "UMambaBot" [ layers (StageSet.Lowest 1) false ]

/// U-Mamba Enc: a Mamba layer after every encoder stage, over channels where a volume has no more voxels than channels.
let enc = create "UMambaEnc" [ layers StageSet.All true ]

/// Every network of this module.
let all = [ noMamba; bot; enc ]
