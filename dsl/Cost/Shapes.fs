namespace MedSegDsl

/// The channels and the size of a volume inside a network.
[<RequireQualifiedAccess>]
type VolumeShape = {
    Channels: int
    Size: Size3
} with

    /// Tokens of the volume: D · H · W.
    member shape.Tokens = shape.Size.Volume

    /// Numbers in the volume: C · D · H · W.
    member shape.Count = int64 shape.Channels * shape.Size.Volume

/// The volumes that a network makes of a patch.
[<RequireQualifiedAccess>]
type Shapes = {
    /// What goes in.
    Input: VolumeShape
    /// After the stem, and after the last upsampling.
    Stem: VolumeShape
    /// After each encoder stage, from the highest resolution to the lowest.
    Encoder: VolumeShape list
    /// After each decoder stage, from the lowest resolution upwards.
    Decoder: VolumeShape list
    /// The class map.
    Output: VolumeShape
}

/// Shape inference: the size of every volume, from the definition alone.
[<RequireQualifiedAccess>]
module Shapes =
    let private volume channels size = {
        VolumeShape.Channels = channels
        VolumeShape.Size = size
    }

    /// A convolution with same padding keeps ⌈n / stride⌉ of n positions.
    let private strided (size: Size3) (stride: Size3) =
        Size3.map2 (fun n s -> (n + s - 1) / s) size stride

    /// The volumes of a valid network for a patch (voxels), image channels and classes, background included.
    let infer (patch: Size3, channels: int, classes: int) (network: Network) =
        let stem = volume network.Stem.Channels (strided patch network.Stem.Stride)

        let encoder =
            (stem, network.Encoder)
            ||> List.scan (fun below stage -> volume stage.Channels (strided below.Size stage.Stride))
            |> List.tail

        {
            Shapes.Input = volume channels patch
            Shapes.Stem = stem
            Shapes.Encoder = encoder
            Shapes.Decoder = encoder |> List.rev |> List.tail
            Shapes.Output = volume classes patch
        }

    /// What the patch must be a multiple of along each axis: the product of all strides.
    let totalStride (network: Network) =
        (network.Stem.Stride, network.Encoder)
        ||> List.fold (fun total stage -> Size3.map2 (*) total stage.Stride)
