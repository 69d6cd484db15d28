using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>Scaled dot-product attention in several heads.</summary>
public static class MultiHead
{
    /// <summary>
    /// Queries, keys and values side by side, each with its heads side by side: (B, N, 3·C) → (B, N, C).
    /// </summary>
    /// <param name="qkv">Queries, keys, values.</param>
    /// <param name="heads">The heads, a divisor of C.</param>
    /// <param name="bias">What is added to the products before softmax (heads, N, N), or null.</param>
    /// <param name="dropout">The share of attention weights that are left out.</param>
    public static Tensor Attend(Tensor qkv, int heads, Tensor? bias = null, double dropout = 0)
    {
        using var scope = NewDisposeScope();
        var (batch, tokens) = (qkv.shape[0], qkv.shape[1]);
        var parts = qkv.view(batch, tokens, 3, heads, -1).permute(2, 0, 3, 1, 4);
        var attended = nn.functional.scaled_dot_product_attention(
            parts.select(0, 0), parts.select(0, 1), parts.select(0, 2), bias?.unsqueeze(0), dropout);
        return attended.transpose(1, 2).reshape(batch, tokens, -1).MoveToOuterDisposeScope();
    }
}
