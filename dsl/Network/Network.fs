namespace MedSegDsl

/// How a network's stages hang together. What all have in common are the layers inside a stage: the mixers.
[<RequireQualifiedAccess>]
type Architecture =
    /// UlikeMamba and UlikeTrans: strided embeddings, skips that are added.
    | UShape of UShape
    /// UNETR, SwinUNETR, 3D UX-Net, SegMamba: any way down, skips through residual blocks that are joined.
    | Unetr of Unetr
    /// SegFormer3D: Transformer stages, a decoder of linear layers.
    | SegFormer of SegFormer
    /// CoTr: convolutions, and a deformable Transformer over the lowest resolutions together.
    | CoTr of CoTr
    /// MedNeXt: blocks of depthwise convolutions, at full resolution too.
    | MedNeXt of MedNeXt
    /// nnU-Net's and U-Mamba's U-Nets: strided blocks, skips that are joined along channels.
    | UNet of UNet

/// A segmentation network.
type Network = {
    /// The name in tables, folders and on the command line.
    Name: string
    Architecture: Architecture
    /// The norm of the convolution blocks.
    Norm: Norm
    /// The non-linearity of the convolution blocks.
    Activation: Activation
    Initialisation: Initialisation
    /// Whether training sees class maps of lower resolutions beside the final one.
    DeepSupervision: bool
} with

    /// Whether the convolution blocks have a bias in front of their norm, as nnU-Net's have.
    member network.HasBlockBias =
        match network.Architecture with
        | Architecture.UNet _ -> true
        | _ -> false
