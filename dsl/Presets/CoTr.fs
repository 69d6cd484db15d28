/// CoTr as published (Xie et al., MICCAI 2021; YtongXie/CoTr), for any number of image channels.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module MedSegDsl.CoTr

let private stage channels depth : CoTrStage = {
    Channels = channels
    Stride = Size3.cube 2
    Depth = depth
}

/// CoTr: six deformable layers over the two lowest stages together; four maps with deep supervision.
let published = {
    Name = "CoTr"
    Architecture =
        Architecture.CoTr {
            Stem = {
                Channels = 64
                Kernel = 7
                Stride = Size3.create 1 2 2
            }
            Encoder = [ stage 192 3; stage 384 3; stage 384 2 ]
            Levels = 2
            Layers = 6
            Attention = {
                Heads = 6
                Points = 4
                FeedForwardRatio = 4
                Dropout = 0.1
                Axes = SamplingAxes.AsPublished
            }
            WeightStandardisation = false
        }
    Norm = Norm.Instance
    Activation = Activation.LeakyReLU 0.01
    Initialisation = Initialisation.Mamba
    DeepSupervision = true
}
