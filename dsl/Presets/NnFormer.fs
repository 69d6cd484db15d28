/// nnFormer as published (282857341/nnFormer, the Synapse trainer).
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module MedSegDsl.NnFormer

let private swin heads window dropPath = {
    Heads = heads
    Window = Size3.cube window
    FeedForwardRatio = 4
    QkvBias = true
    Dropout = 0.0
    DropPath = dropPath
    Code = SwinCode.NnFormer
}

/// The share of branches that the last layer of each way leaves out.
let private lastDropPath = 0.2

let private encoder =
    DropPath.rising lastDropPath [ 2; 2; 2; 2 ]
    |> List.zip [ 6, 4; 12, 4; 24, 8; 48, 4 ]
    |> List.map (fun ((heads, window), dropPath) -> {
        Depth = 2
        Mixer = Mixer.Swin(swin heads window dropPath)
    })

let private decoder =
    DropPath.rising lastDropPath [ 2; 2; 2 ]
    |> List.zip [ 24, 8; 12, 4; 6, 4 ]
    |> List.map (fun ((heads, window), dropPath) ->
        let mixer = swin heads window dropPath

        {
            Attention = mixer
            Depth = 1
            Mixer = Mixer.Swin mixer
        })

/// nnFormer: tokens of 2×4×4 voxels, 192 channels, four stages of two layers (Zhou et al. 2023).
let nnFormer = {
    Name = "nnFormer"
    Architecture =
        Architecture.NnFormer {
            Channels = 192
            FirstStride = Size3.cube 2
            SecondStride = Size3.create 1 2 2
            Encoder = encoder
            Decoder = decoder
        }
    Norm = Norm.Instance
    Activation = Activation.GELU
    Initialisation = Initialisation.Mamba
    DeepSupervision = true
}

/// Every network of this module.
let all = [ nnFormer ]
