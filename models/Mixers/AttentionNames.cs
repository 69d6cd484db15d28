namespace MedSegDsl.Models;

/// <summary>What published code calls the parts of spatial-reduction attention.</summary>
/// <param name="Queries">The linear layer of the queries.</param>
/// <param name="KeysAndValues">The linear layer of keys and values.</param>
/// <param name="Shrink">The convolution that shrinks their volume.</param>
/// <param name="ShrunkNorm">The layer norm after it.</param>
public sealed record AttentionNames(string Queries, string KeysAndValues, string Shrink, string ShrunkNorm)
{
    /// <summary>Pyramid Vision Transformer's, which UlikeTrans has.</summary>
    public static readonly AttentionNames Pyramid = new("q", "kv", "sr", "norm");

    /// <summary>SegFormer3D's.</summary>
    public static readonly AttentionNames SegFormer = new("query", "key_value", "sr", "sr_norm");
}
