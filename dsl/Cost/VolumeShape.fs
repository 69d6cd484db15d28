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

[<RequireQualifiedAccess>]
module VolumeShape =
    /// So many channels of a size.
    let create channels size = {
        VolumeShape.Channels = channels
        VolumeShape.Size = size
    }

    /// The size after a convolution with same padding: ⌈n / stride⌉ of n positions.
    let strided (size: Size3) (stride: Size3) =
        Size3.map2 (fun n s -> (n + s - 1) / s) size stride
