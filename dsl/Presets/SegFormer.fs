/// SegFormer3D as published (Perera et al., 2024; OSUPCVLab/SegFormer3D), and for volumes that are no cubes.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module MedSegDsl.SegFormer

let private stage channels kernel stride heads reduction : SegFormerStage = {
    Channels = channels
    Kernel = kernel
    Stride = Size3.cube stride
    Depth = 2
    Mixer =
        Mixer.MixTransformer {
            Heads = heads
            Reduction = reduction
            FeedForwardRatio = 4
            Kernel = 3
            Scale = AttentionScale.Heads
        }
}

/// SegFormer3D: reductions 4, 2, 1, 1. One class map, no deep supervision.
let threeD = {
    Name = "SegFormer3D"
    Architecture =
        Architecture.SegFormer {
            Stages = [ stage 32 7 4 1 4; stage 64 3 2 2 2; stage 160 3 2 5 1; stage 256 3 2 8 1 ]
            DecoderChannels = 256
            Dropout = 0.0
        }
    Norm = Norm.Batch
    Activation = Activation.ReLU
    Initialisation = Initialisation.Mamba
    DeepSupervision = false
}
