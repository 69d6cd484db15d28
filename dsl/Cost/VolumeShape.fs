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

/// The tokens of a U-Mamba layer.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module UMambaMixer =
    /// Whether the channels of a volume are the layer's tokens.
    let hasChannelTokens (mixer: UMambaMixer) (volume: VolumeShape) =
        mixer.ChannelTokens && volume.Tokens <= int64 volume.Channels

    /// What the layer reads of a volume: as many tokens as the size has, each with so many features.
    let tokens mixer (volume: VolumeShape) =
        if hasChannelTokens mixer volume then
            VolumeShape.create (int volume.Tokens) (Size3.create 1 1 volume.Channels)
        else
            volume
