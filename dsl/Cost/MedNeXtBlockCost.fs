/// The cost of MedNeXt's blocks, under the names of the published state dicts.
[<RequireQualifiedAccess>]
module internal MedSegDsl.MedNeXtBlockCost

/// What the three blocks share, from what their depthwise convolution makes to `outChannels`: norm, 1×1×1 convolution,
/// activation, 1×1×1 convolution.
let path network name (block: MedNeXtBlock) outChannels (convolved: VolumeShape) =
    let wide = {
        convolved with
            Channels = block.Expansion * convolved.Channels
    }

    Operation.blockNorm network $"{name}.norm" convolved.Channels
    + Operation.pointwise $"{name}.conv2" convolved.Channels wide
    + Operation.pointwise $"{name}.conv3" wide.Channels {
        convolved with
            Channels = outChannels
    }
    // The convolution's and the norm's results, the wide volume.
    + Operation.keeps (2L * convolved.Count + wide.Count)
    + Operation.activation network wide

let private depthwise name (block: MedNeXtBlock) inChannels (output: VolumeShape) =
    Operation.convolution $"{name}.conv1" true (Size3.cube block.Kernel) inChannels inChannels {
        output with
            Channels = inChannels
    }

/// The block at one resolution.
let layer network name (block: MedNeXtBlock) (volume: VolumeShape) =
    depthwise name block volume.Channels volume
    + path network name block volume.Channels volume
    + Operation.keeps volume.Count

/// The block to half the resolution.
let down network name (block: MedNeXtBlock) (above: VolumeShape) (below: VolumeShape) =
    let convolved = { below with Channels = above.Channels }

    depthwise name block above.Channels below
    + path network name block below.Channels convolved
    + Operation.pointwise $"{name}.res_conv" above.Channels below
    + Operation.keeps below.Count

/// The block to twice the resolution; in a transposed convolution of stride 2 every voxel that comes in meets every weight
/// of its kernel.
let up network name (block: MedNeXtBlock) (below: VolumeShape) (above: VolumeShape) =
    let kernel = Size3.cube block.Kernel

    let depthwise = {
        depthwise name block below.Channels above with
            MultiplyAdds = below.Count * kernel.Volume
    }

    // One voxel less along each axis than the volume above: the block puts a 0 before them.
    let convolved =
        VolumeShape.create below.Channels (above.Size |> Size3.map2 (fun a n -> n - a) (Size3.cube 1))

    depthwise
    + path network name block above.Channels convolved
    + Operation.transposedPointwise $"{name}.res_conv" below.Channels above.Channels below.Tokens
    + Operation.keeps above.Count
