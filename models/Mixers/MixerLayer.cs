using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A layer of a stage, the same size in and out. Whatever order of axes it works in, an architecture calls it in its own.
/// </summary>
public abstract class MixerLayer(string name) : Layer<Tensor, Tensor>(name)
{
    /// <summary>Tokens (B, D, H, W, C) → (B, D, H, W, C).</summary>
    public abstract Tensor OnTokens(Tensor tokens);

    /// <summary>A volume (B, C, D, H, W) → (B, C, D, H, W).</summary>
    public abstract Tensor OnVolume(Tensor volume);
}

/// <summary>A layer that works on tokens (B, D, H, W, C).</summary>
public abstract class TokenLayer(string name) : MixerLayer(name)
{
    /// <inheritdoc />
    public sealed override Tensor OnTokens(Tensor tokens) => call(tokens);

    /// <inheritdoc />
    public sealed override Tensor OnVolume(Tensor volume)
    {
        using var scope = NewDisposeScope();
        return Axes.ToVolume(call(Axes.ToTokens(volume))).MoveToOuterDisposeScope();
    }
}

/// <summary>A layer that works on volumes (B, C, D, H, W).</summary>
public abstract class VolumeLayer(string name) : MixerLayer(name)
{
    /// <inheritdoc />
    public sealed override Tensor OnTokens(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        return Axes.ToTokens(call(Axes.ToVolume(tokens))).MoveToOuterDisposeScope();
    }

    /// <inheritdoc />
    public sealed override Tensor OnVolume(Tensor volume) => call(volume);
}
