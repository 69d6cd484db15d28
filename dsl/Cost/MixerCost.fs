/// The cost of one mixer layer on a volume, under the names of the published state dicts. `layer` is a prefix such as
/// `model.transformer.block1.layers.0`.
[<RequireQualifiedAccess>]
module internal MedSegDsl.MixerCost

open MedSegDsl

/// What the published code appends to the names of order 0, 1, 2 …: nothing, `_b`, `_c` …
let private suffix order =
    if order = 0 then "" else $"_{'a' + char order}"

/// Each token's rank of the time step: ⌈C / 16⌉.
let private timeStepRank channels = (channels + 15) / 16

/// The convolutions of one order of a mixer; how many sequences of tokens they make, joined into one.
let private depthwise layer order (inner: VolumeShape) convolution =
    let name = $"{layer}.conv3d{suffix order}"

    let volume name kernel =
        Operation.convolution name true (Size3.cube kernel) inner.Channels inner.Channels inner
        + Operation.keeps inner.Count

    match convolution with
    | DepthwiseConv.Causal1d kernel ->
        Operation.causalConvolution $"{layer}.conv1d{suffix order}" kernel inner
        + Operation.keeps inner.Count,
        1
    | DepthwiseConv.Volume3d kernel -> volume name kernel, 1
    | DepthwiseConv.MultiScale3d(kernels, fusion) ->
        let scales =
            kernels |> List.mapi (fun s kernel -> volume $"{name}_s{s}" kernel) |> List.sum

        match fusion with
        | ScaleFusion.JoinedSequence -> scales, kernels.Length
        | ScaleFusion.Fused kind ->
            let fused =
                Operation.fusion $"{layer}.scale_fusion{suffix order}" kind kernels.Length inner

            scales + fused, 1

/// x_proj, dt_proj, A and D of one order, on a sequence of tokens. Kept: the scan's u, its time step, and B, C and the
/// time step's low rank.
let private stateSpace layer order (mixer: MambaMixer) channels (inner: VolumeShape) tokens =
    let rank = timeStepRank channels
    let suffix = suffix order
    let projected = rank + 2 * mixer.StateSize

    Operation.parameters [
        $"{layer}.A_log{suffix}", [ inner.Channels; mixer.StateSize ]
        $"{layer}.D{suffix}", [ inner.Channels ]
    ]
    + Operation.linear $"{layer}.x_proj{suffix}" false inner.Channels projected tokens
    + Operation.linear $"{layer}.dt_proj{suffix}" true rank inner.Channels tokens
    + Operation.keeps (tokens * int64 (2 * inner.Channels + projected))

/// One order: its convolutions and its pass of the scan, whoever owns the parameters.
let private order layer (mixer: MambaMixer) channels inner index =
    let convolutions, sequences = depthwise layer index inner mixer.Convolution

    let scan =
        stateSpace layer index mixer channels inner (int64 sequences * inner.Tokens)

    match mixer.Ssm with
    | SsmParameters.Shared when index > 0 -> convolutions + { scan with Parameters = [] }
    | SsmParameters.Shared
    | SsmParameters.SharedWithUnusedCopies
    | SsmParameters.Separate -> convolutions + scan

/// The mixer of a Mamba layer without its norm: linear, the orders, linear. Kept: x and z, the last linear's input.
let private scanMixer name (mixer: MambaMixer) (volume: VolumeShape) =
    let inner = {
        volume with
            Channels = mixer.Expansion * volume.Channels
    }

    let sequences =
        match mixer.Convolution with
        | DepthwiseConv.MultiScale3d(kernels, ScaleFusion.JoinedSequence) -> kernels.Length
        | _ -> 1

    let scanned = {
        inner with
            Channels = sequences * inner.Channels
    }

    let orders = [
        for index in 0 .. mixer.Scan.Length - 1 -> order name mixer volume.Channels inner index
    ]

    Operation.linear $"{name}.in_proj" false volume.Channels (2 * inner.Channels) volume.Tokens
    + List.sum orders
    + Operation.fusion $"{name}.scan_fusion" mixer.ScanFusion orders.Length scanned
    + Operation.linear $"{name}.out_proj" false scanned.Channels volume.Channels volume.Tokens
    + Operation.keeps (2L * inner.Count + scanned.Count)

let private mamba layer mixer (volume: VolumeShape) =
    Operation.rmsNorm $"{layer}.norm" volume.Channels
    + scanMixer $"{layer}.mixer" mixer volume
    // The norm's result, the sum with the skip.
    + Operation.keeps (2L * volume.Count)

let private umamba layer (mixer: UMambaMixer) (volume: VolumeShape) =
    let tokens = UMambaMixer.tokens mixer volume

    Operation.norm $"{layer}.norm" tokens.Channels
    + scanMixer $"{layer}.mamba" mixer.Mamba tokens
    // The norm's result, the layer's.
    + Operation.keeps (2L * volume.Count)

let private attention layer (mixer: AttentionMixer) (volume: VolumeShape) =
    let c = volume.Channels
    let hidden = mixer.FeedForwardRatio * c

    let names = {
        AttentionCost.Queries = $"{layer}.attn.q"
        AttentionCost.KeysAndValues = $"{layer}.attn.kv"
        AttentionCost.Projection = $"{layer}.attn.proj"
        AttentionCost.Shrink = $"{layer}.attn.sr"
        AttentionCost.ShrunkNorm = $"{layer}.attn.norm"
    }

    Operation.norm $"{layer}.norm1" c
    + AttentionCost.spatialReduction names mixer.QkvBias mixer.Heads mixer.Reduction volume
    + Operation.norm $"{layer}.norm2" c
    + Operation.linear $"{layer}.mlp.fc1" true c hidden volume.Tokens
    + Operation.linear $"{layer}.mlp.fc2" true hidden c volume.Tokens
    // The norms' results, both sums; the hidden layer before and after GELU.
    + Operation.keeps (4L * volume.Count + 2L * volume.Tokens * int64 hidden)

let private mixTransformer network layer (mixer: MixTransformerMixer) (volume: VolumeShape) =
    let c = volume.Channels

    let hidden = {
        volume with
            Channels = mixer.FeedForwardRatio * c
    }

    let names = {
        AttentionCost.Queries = $"{layer}.attention.query"
        AttentionCost.KeysAndValues = $"{layer}.attention.key_value"
        AttentionCost.Projection = $"{layer}.attention.proj"
        AttentionCost.Shrink = $"{layer}.attention.sr"
        AttentionCost.ShrunkNorm = $"{layer}.attention.sr_norm"
    }

    Operation.norm $"{layer}.norm1" c
    + AttentionCost.spatialReduction names true mixer.Heads mixer.Reduction volume
    + Operation.norm $"{layer}.norm2" c
    + Operation.linear $"{layer}.mlp.fc1" true c hidden.Channels volume.Tokens
    + Operation.convolution
        $"{layer}.mlp.dwconv.dwconv"
        true
        (Size3.cube mixer.Kernel)
        hidden.Channels
        hidden.Channels
        hidden
    + Operation.blockNorm network $"{layer}.mlp.dwconv.bn" hidden.Channels
    + Operation.linear $"{layer}.mlp.fc2" true hidden.Channels c volume.Tokens
    // The norms' results, both sums; the hidden layer, convolved, normed, after GELU.
    + Operation.keeps (4L * volume.Count + 4L * hidden.Count)

/// The feed-forward network of a layer, with MONAI's names. Kept: the hidden layer before and after GELU.
let private feedForward layer ratio (volume: VolumeShape) =
    let hidden = ratio * volume.Channels

    Operation.linear $"{layer}.mlp.linear1" true volume.Channels hidden volume.Tokens
    + Operation.linear $"{layer}.mlp.linear2" true hidden volume.Channels volume.Tokens
    + Operation.keeps (2L * volume.Tokens * int64 hidden)

/// Attention of so many tokens with so many, in `tokens` places; the products with queries and with weights.
let private products heads (tokens: int64) (seen: int64) channels = {
    Cost.Zero with
        MultiplyAdds = 2L * tokens * seen * int64 channels
        Kept = int64 heads * tokens * seen
}

let private swin layer (mixer: SwinMixer) (volume: VolumeShape) =
    let c = volume.Channels
    let window = Size3.map2 min volume.Size mixer.Window

    let padded =
        Size3.map2 (*) window (VolumeShape.strided volume.Size window)
        |> VolumeShape.create c

    let offsets =
        mixer.Window |> Size3.toList |> List.fold (fun count n -> count * (2 * n - 1)) 1

    Operation.norm $"{layer}.norm1" c
    + Operation.parameters [ $"{layer}.attn.relative_position_bias_table", [ offsets; mixer.Heads ] ]
    + Operation.linear $"{layer}.attn.qkv" mixer.QkvBias c (3 * c) padded.Tokens
    + products mixer.Heads padded.Tokens window.Volume c
    + Operation.linear $"{layer}.attn.proj" true c c padded.Tokens
    + Operation.norm $"{layer}.norm2" c
    + feedForward layer mixer.FeedForwardRatio volume
    // The norms' results and both sums; the windows, their queries, keys, values and attended values.
    + Operation.keeps (4L * volume.Count + 5L * padded.Count)

/// The weights of MONAI's cross-attention, which nothing reads.
let private crossAttention layer (mixer: VitMixer) c =
    let linear name hasBias =
        Operation.linear $"{layer}.cross_attn.{name}" hasBias c c 0L

    Operation.norm $"{layer}.norm_cross_attn" c
    + linear "out_proj" true
    + List.sum [ for name in [ "to_q"; "to_k"; "to_v" ] -> linear name mixer.QkvBias ]

let private vit layer (mixer: VitMixer) (volume: VolumeShape) =
    let c = volume.Channels

    Operation.norm $"{layer}.norm1" c
    + Operation.linear $"{layer}.attn.qkv" mixer.QkvBias c (3 * c) volume.Tokens
    + products mixer.Heads volume.Tokens volume.Tokens c
    + Operation.linear $"{layer}.attn.out_proj" true c c volume.Tokens
    + Operation.norm $"{layer}.norm2" c
    + feedForward layer mixer.FeedForwardRatio volume
    + (if mixer.UnusedCrossAttention then
           crossAttention layer mixer c
       else
           Cost.Zero)
    // The norms' results, queries, keys and values, the attended values, both sums.
    + Operation.keeps (8L * volume.Count)

let private ux layer (mixer: UxMixer) (volume: VolumeShape) =
    let c = volume.Channels

    let hidden = {
        volume with
            Channels = mixer.Expansion * c
    }

    Operation.convolution $"{layer}.dwconv" true (Size3.cube mixer.Kernel) c c volume
    + Operation.norm $"{layer}.norm" c
    + Operation.convolution $"{layer}.pwconv1" true (Size3.cube 1) c c hidden
    + Operation.convolution $"{layer}.pwconv2" true (Size3.cube 1) c hidden.Channels volume
    + Operation.parameters [ $"{layer}.gamma", [ c ] ]
    // The convolution's and the norm's result, the hidden layer before and after GELU, what γ scales, the sum.
    + Operation.keeps (4L * volume.Count + 2L * hidden.Count)

/// A layer of a stage under its name; `index` is its place among the stage's layers.
let layer (network: Network) name (index: int) mixer (volume: VolumeShape) =
    let block name kernel =
        Operation.block network name (Size3.cube kernel) volume.Channels volume

    match mixer with
    | Mixer.Mamba mixer -> mamba name mixer volume
    | Mixer.UMamba mixer -> umamba name mixer volume
    | Mixer.Attention mixer -> attention name mixer volume
    | Mixer.PlainConvolution kernel -> block name kernel
    | Mixer.ResidualConvolution kernel -> block $"{name}.conv1" kernel + block $"{name}.conv2" kernel
    | Mixer.Swin mixer -> swin name mixer volume
    | Mixer.Vit mixer -> vit name mixer volume
    | Mixer.Ux mixer -> ux name mixer volume
    | Mixer.MixTransformer mixer -> mixTransformer network name mixer volume
    | Mixer.DeformableAttention mixer -> AttentionCost.deformable name mixer volume.Channels 1 volume.Tokens
    | Mixer.MedNeXt block -> MedNeXtBlockCost.layer network name block volume

/// The name of layer `index` in a block of a U-shape: the published Transformer blocks are lists themselves, others
/// have one.
let private nameInChain block index =
    function
    | Mixer.Attention _ -> $"{block}.{index}"
    | Mixer.Mamba _
    | Mixer.UMamba _
    | Mixer.PlainConvolution _
    | Mixer.ResidualConvolution _
    | Mixer.Swin _
    | Mixer.Vit _
    | Mixer.Ux _
    | Mixer.MixTransformer _
    | Mixer.DeformableAttention _
    | Mixer.MedNeXt _ -> $"{block}.layers.{index}"

/// `depth` layers of a U-shape, one after the other; `block` is a prefix such as `model.transformer.block1`.
let chain network block depth mixer volume =
    List.sum [
        for index in 0 .. depth - 1 -> layer network (nameInChain block index mixer) index mixer volume
    ]
