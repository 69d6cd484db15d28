/// The U-shape that UlikeMamba and UlikeTrans share (paper, architecture table).
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module MedSegDsl.UShape

let private encoderStage channels depth = {
    Channels = channels
    Stride = Size3.cube 2
    Embedding = Embedding.Convolution 3
    Depth = depth
    Mixer = Mixer.PlainConvolution 3
}

let private decoderStage depth = {
    Upsampling = Upsampling.Trilinear
    Depth = depth
    Mixer = Mixer.PlainConvolution 3
}

/// The U-shape with plain convolutions where UlikeMamba and UlikeTrans have their token mixers.
let create name = {
    Name = name
    Architecture =
        Architecture.UShape {
            Stem = {
                Channels = 32
                Kernel = 7
                Stride = Size3.create 1 2 2
            }
            Encoder = [
                encoderStage 48 2
                encoderStage 128 3
                encoderStage 256 4
                encoderStage 512 3
            ]
            Decoder = [ decoderStage 3; decoderStage 4; decoderStage 3 ]
            PositionEmbedding = PositionEmbedding.Learned
        }
    Norm = Norm.Instance
    Activation = Activation.LeakyReLU 0.01
    Initialisation = Initialisation.Mamba
    DeepSupervision = true
}
