/// The cost of attention, under the names of the published state dicts.
[<RequireQualifiedAccess>]
module internal MedSegDsl.AttentionCost

/// What published code calls the parts of spatial-reduction attention.
type Names = {
    Queries: string
    KeysAndValues: string
    Projection: string
    Shrink: string
    ShrunkNorm: string
}

/// Attention whose keys and values a convolution of kernel = stride = reduction has shrunk. Kept: q, the attended values,
/// keys and values, the softmax, and what shrinks them.
let spatialReduction names hasBias heads reduction (volume: VolumeShape) =
    let c = volume.Channels

    let shrunk = {
        volume with
            Size = volume.Size |> Size3.map2 (fun r n -> n / r) (Size3.cube reduction)
    }

    let shrink =
        if reduction = 1 then
            Cost.Zero
        else
            Operation.convolution names.Shrink true (Size3.cube reduction) 1 c shrunk
            + Operation.norm names.ShrunkNorm c
            + Operation.keeps (2L * shrunk.Count)

    let products = {
        Cost.Zero with
            MultiplyAdds = 2L * volume.Count * shrunk.Tokens
            Kept = int64 heads * volume.Tokens * shrunk.Tokens
    }

    Operation.linear names.Queries hasBias c c volume.Tokens
    + Operation.linear names.KeysAndValues hasBias c (2 * c) shrunk.Tokens
    + Operation.linear names.Projection true c c volume.Tokens
    + shrink
    + products
    + Operation.keeps (2L * volume.Count + 2L * shrunk.Count)

/// CoTr's layer on the tokens of so many volumes together. The products are those of what was found with its shares; to
/// interpolate it is not counted, as resizing is not.
let deformable layer (mixer: DeformableMixer) channels levels (tokens: int64) =
    let attention = $"{layer}.self_attn"
    let samples = mixer.Heads * levels * mixer.Points
    let perToken = levels * mixer.Points * channels
    let hidden = mixer.FeedForwardRatio * channels

    Operation.linear $"{attention}.sampling_offsets" true channels (3 * samples) tokens
    + Operation.linear $"{attention}.attention_weights" true channels samples tokens
    + Operation.linear $"{attention}.value_proj" true channels channels tokens
    + Operation.linear $"{attention}.output_proj" true channels channels tokens
    + {
          Cost.Zero with
              MultiplyAdds = tokens * int64 perToken
      }
    + Operation.norm $"{layer}.norm1" channels
    + Operation.linear $"{layer}.linear1" true channels hidden tokens
    + Operation.linear $"{layer}.linear2" true hidden channels tokens
    + Operation.norm $"{layer}.norm2" channels
    // Tokens with their places, values, what was attended, both sums and both norms' results; places and shares; what was
    // found; the hidden layer before and after GELU.
    + Operation.keeps (tokens * int64 (7 * channels + 4 * samples + perToken + 2 * hidden))
