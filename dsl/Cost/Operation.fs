namespace MedSegDsl

/// A learned tensor, under its name in the published state dict.
type Parameter = {
    Name: string
    Shape: int list
} with

    /// Numbers in the tensor.
    member parameter.Count =
        (1L, parameter.Shape) ||> List.fold (fun count n -> count * int64 n)

/// What a part of a network costs for one patch.
type Cost = {
    Parameters: Parameter list
    /// Multiply–adds of convolutions, linear layers and attention products, as the paper counts FLOPs: norms,
    /// activations, sums, resizing and the selective scan are not counted.
    MultiplyAdds: int64
    /// Numbers that a training step keeps until the backward pass has used them: a tensor counts once, where it is
    /// made, when the backward pass of what made it or of what reads it needs it.
    Kept: int64
} with

    /// Learned numbers.
    member cost.ParameterCount = cost.Parameters |> List.sumBy _.Count

    /// Bytes that a training step keeps for one patch in float32.
    member cost.ActivationBytes = 4L * cost.Kept

    /// Both parts.
    static member (+)(a: Cost, b: Cost) = {
        Parameters = a.Parameters @ b.Parameters
        MultiplyAdds = a.MultiplyAdds + b.MultiplyAdds
        Kept = a.Kept + b.Kept
    }

    /// Nothing.
    static member Zero = {
        Parameters = []
        MultiplyAdds = 0L
        Kept = 0L
    }

/// The cost of single operations. Names are prefixes: `proj.conv` owns `proj.conv.weight`.
[<RequireQualifiedAccess>]
module internal Operation =
    let private parameter name shape = { Name = name; Shape = shape }

    let private weight name shape = parameter $"{name}.weight" shape
    let private bias name channels = parameter $"{name}.bias" [ channels ]

    /// Parameters outside any layer.
    let parameters named = {
        Cost.Zero with
            Parameters = [ for name, shape in named -> parameter name shape ]
    }

    /// Tensors that the backward pass needs.
    let keeps (numbers: int64) = { Cost.Zero with Kept = numbers }

    /// A convolution to `output`, with bias or not; what it reads is kept where it is made.
    let convolution name hasBias (kernel: Size3) groups inChannels (output: VolumeShape) = {
        Parameters = [
            weight name (output.Channels :: inChannels / groups :: Size3.toList kernel)
            if hasBias then
                bias name output.Channels
        ]
        MultiplyAdds = output.Count * int64 (inChannels / groups) * kernel.Volume
        Kept = 0L
    }

    /// A causal depthwise convolution along the tokens, with bias.
    let causalConvolution name kernel (output: VolumeShape) = {
        Parameters = [ weight name [ output.Channels; 1; kernel ]; bias name output.Channels ]
        MultiplyAdds = output.Count * int64 kernel
        Kept = 0L
    }

    /// A transposed convolution with kernel = stride, with bias or not: each output voxel sees one input voxel.
    let transposed name hasBias (stride: Size3) inChannels (output: VolumeShape) = {
        Parameters = [
            weight name (inChannels :: output.Channels :: Size3.toList stride)
            if hasBias then
                bias name output.Channels
        ]
        MultiplyAdds = output.Count * int64 inChannels
        Kept = 0L
    }

    /// A transposed 1×1×1 convolution with bias, on so many tokens.
    let transposedPointwise name inChannels outChannels (tokens: int64) = {
        Parameters = [ weight name [ inChannels; outChannels; 1; 1; 1 ]; bias name outChannels ]
        MultiplyAdds = tokens * int64 inChannels * int64 outChannels
        Kept = 0L
    }

    /// A 1×1×1 convolution with bias.
    let pointwise name inChannels output =
        convolution name true (Size3.cube 1) 1 inChannels output

    /// A linear layer on each of the tokens.
    let linear name hasBias inChannels outChannels tokens = {
        Parameters = [
            weight name [ outChannels; inChannels ]
            if hasBias then
                bias name outChannels
        ]
        MultiplyAdds = tokens * int64 inChannels * int64 outChannels
        Kept = 0L
    }

    /// A norm with scale and shift (instance, batch, group, layer).
    let norm name channels = {
        Cost.Zero with
            Parameters = [ weight name [ channels ]; bias name channels ]
    }

    /// A norm with a scale alone.
    let rmsNorm name channels = {
        Cost.Zero with
            Parameters = [ weight name [ channels ] ]
    }

    /// The norm of a network's convolution blocks.
    let blockNorm (network: Network) name channels =
        match network.Norm with
        | Norm.PlainInstance -> Cost.Zero
        | Norm.Instance
        | Norm.Batch
        | Norm.Group _ -> norm name channels

    /// How often a block keeps its volume behind the convolution: the norm's backward pass reads the convolution's result;
    /// a (leaky) ReLU works in place on the norm's, other activations keep it beside their own.
    let blockVolumes (network: Network) =
        match network.Activation with
        | Activation.LeakyReLU _
        | Activation.ReLU -> 2L
        | Activation.GELU
        | Activation.SiLU -> 3L

    /// Several volumes of one shape become one.
    let fusion name kind count (output: VolumeShape) =
        match kind with
        | Fusion.Sum
        | Fusion.Mean -> Cost.Zero
        | Fusion.Concatenation ->
            pointwise name (count * output.Channels) output
            + keeps (int64 count * output.Count)

    /// What an activation keeps beside what it was given.
    let activation network (output: VolumeShape) =
        keeps ((blockVolumes network - 2L) * output.Count)

    /// A convolution and the norm of a network's blocks, whose backward pass reads the convolution's result.
    let normed (network: Network) convolutionName normName kernel inChannels (output: VolumeShape) =
        convolution convolutionName network.HasBlockBias kernel 1 inChannels output
        + blockNorm network normName output.Channels
        + keeps output.Count

    /// Convolution → norm → activation, as the network has them.
    let block network name kernel inChannels (output: VolumeShape) =
        normed network $"{name}.conv" $"{name}.norm" kernel inChannels output
        + keeps output.Count
        + activation network output
