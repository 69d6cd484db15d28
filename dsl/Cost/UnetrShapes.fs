namespace MedSegDsl

/// How what an encoder makes becomes a skip; `block` is the name in published state dicts.
[<RequireQualifiedAccess>]
type UnetrSkip =
    /// As it is.
    | Direct
    /// Through a residual block.
    | Residual of block: string
    /// Through transposed convolutions that double the resolution so often, with residual blocks between them.
    | Projected of block: string * doublings: int

/// A resolution of UNETR's decoder.
[<RequireQualifiedAccess>]
type UnetrLevel = {
    /// What the encoder makes for it.
    Source: VolumeShape
    Skip: UnetrSkip
    /// The skip, and what the decoder makes.
    Output: VolumeShape
    /// The name of the decoder's block.
    Decoder: string
}

/// The volumes that a UNETR makes of a patch, and the blocks between encoder and decoder.
[<RequireQualifiedAccess>]
type UnetrShapes = {
    Input: VolumeShape
    /// The volume of each of the encoder's stages, inside its layers; a column has one.
    Stages: VolumeShape list
    /// The decoder's resolutions, the patch's own first.
    Levels: UnetrLevel list
    /// What goes into the decoder at the lowest resolution; it has no decoder block.
    Bottom: UnetrLevel
    /// Whether a residual block follows the decoder.
    ClosingBlock: bool
    Output: VolumeShape
    /// The name of the encoder in published state dicts.
    EncoderName: string
}

/// Shape inference, and the names of the published code: MONAI (UNETR, SwinUNETR), MASILab/3DUX-Net, ge-xing/SegMamba.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module UnetrShapes =
    /// The name of the residual block behind a decoder.
    let closingBlock = "decoder1"

    let private halved (volume: VolumeShape) channels =
        VolumeShape.create channels (VolumeShape.strided volume.Size (Size3.cube 2))

    /// So many volumes that halve from one to the next, the channels doubling.
    let private pyramid (first: VolumeShape) count =
        (first, [ 2..count ])
        ||> List.scan (fun volume _ -> halved volume (2 * volume.Channels))

    let private level source skip output decoder = {
        UnetrLevel.Source = source
        UnetrLevel.Skip = skip
        UnetrLevel.Output = output
        UnetrLevel.Decoder = decoder
    }

    /// The patch itself, through a residual block.
    let private fullResolution (input: VolumeShape) channels decoder =
        level input (UnetrSkip.Residual "encoder1") (VolumeShape.create channels input.Size) decoder

    let private ofColumn (input: VolumeShape) channels (column: TokenColumn) =
        let tokens =
            VolumeShape.create column.Channels (VolumeShape.strided input.Size (Size3.cube column.TokenSize))

        let outputs =
            pyramid (VolumeShape.create channels input.Size) (column.Taps.Length + 1)

        let tapped index output =
            let doublings = column.Taps.Length - index

            level tokens (UnetrSkip.Projected($"encoder{index + 2}", doublings)) output $"decoder{index + 3}"

        [ tokens ],
        fullResolution input channels "decoder2" :: List.mapi tapped (List.tail outputs),
        level tokens UnetrSkip.Direct tokens ""

    /// Before the first stage and after each: the last but one needs no block.
    let private ofWindows (input: VolumeShape) channels (windows: WindowPyramid) =
        let first = halved input channels
        let stages = pyramid first windows.Stages.Length
        let last = List.last stages
        let bottom = halved last (2 * last.Channels)

        let entered index volume =
            let skip =
                if index = stages.Length - 1 then
                    UnetrSkip.Direct
                else
                    UnetrSkip.Residual $"encoder{index + 2}"

            level volume skip volume $"decoder{index + 2}"

        stages,
        fullResolution input channels "decoder1" :: List.mapi entered stages,
        level bottom (UnetrSkip.Residual "encoder10") bottom ""

    /// After each stage: a residual block brings it to the channels of the next.
    let private ofConvolutions (input: VolumeShape) channels (convolutions: ConvolutionPyramid) =
        let first = halved input channels
        let stages = pyramid first convolutions.Stages.Length

        let left index (volume: VolumeShape) =
            level
                volume
                (UnetrSkip.Residual $"encoder{index + 2}")
                {
                    volume with
                        Channels = 2 * volume.Channels
                }
                $"decoder{index + 3}"

        let levels = List.mapi left stages
        let last = List.last levels

        stages,
        fullResolution input channels "decoder2"
        :: List.truncate (levels.Length - 1) levels,
        { last with Decoder = "" }

    /// The volumes of a valid UNETR for a patch (voxels), image channels and classes, background included.
    let infer (patch: Size3, channels: int, classes: int) (unetr: Unetr) =
        let input = VolumeShape.create channels patch

        let (stages, levels, bottom), name, closing =
            match unetr.Encoder with
            | UnetrEncoder.Column column -> ofColumn input unetr.Channels column, "vit", false
            | UnetrEncoder.Windows windows -> ofWindows input unetr.Channels windows, "swinViT", false
            | UnetrEncoder.Convolutions convolutions ->
                let name = if convolutions.GatedConvolution then "vit" else "uxnet_3d"
                ofConvolutions input unetr.Channels convolutions, name, true

        {
            UnetrShapes.Input = input
            UnetrShapes.Stages = stages
            UnetrShapes.Levels = levels
            UnetrShapes.Bottom = bottom
            UnetrShapes.ClosingBlock = closing
            UnetrShapes.Output = VolumeShape.create classes patch
            UnetrShapes.EncoderName = name
        }

    /// What the patch must be a multiple of along each axis.
    let multiple (unetr: Unetr) =
        match unetr.Encoder with
        | UnetrEncoder.Column column -> column.TokenSize
        | UnetrEncoder.Windows windows -> pown 2 (windows.Stages.Length + 1)
        | UnetrEncoder.Convolutions convolutions -> pown 2 convolutions.Stages.Length
        |> Size3.cube
