using MedSegDsl.Kernels;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The normalisation of a convolution block, (B, C, D, H, W) → (B, C, D, H, W), with learned scale and shift unless the norm
/// says otherwise.
/// </summary>
public sealed class VolumeNorm : Layer<Tensor, Tensor>
{
    private const double Epsilon = 1e-5;
    private const double Momentum = 0.1;

    private readonly Norm norm;

    /// <summary>
    /// A norm over so many channels; batch normalisation keeps running statistics, as PyTorch names them.
    /// </summary>
    /// <param name="norm">The norm.</param>
    /// <param name="channels">Its channels.</param>
    /// <param name="scale">How its scale starts; 1 where nothing is said.</param>
    public VolumeNorm(Norm norm, long channels, Start? scale = null) : base(nameof(VolumeNorm))
    {
        this.norm = norm;
        if (norm.IsPlainInstance)
        {
            return;
        }

        AddParameter("weight", scale ?? Start.One, channels);
        AddParameter("bias", Start.Zero, channels);
        if (norm.IsBatch)
        {
            AddBuffer("running_mean", zeros(channels));
            AddBuffer("running_var", ones(channels));
            AddBuffer("num_batches_tracked", zeros([], ScalarType.Int64));
        }
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume) => Activated(volume, activation: null);

    /// <summary>What ends a convolution block: the norm of a convolution's result, a skip added, an activation.</summary>
    /// <param name="volume">What the convolution takes.</param>
    /// <param name="convolution">The convolution.</param>
    /// <param name="activation">The activation, if there is one.</param>
    /// <param name="skip">What is added before it, of the result's shape, if anything is.</param>
    public Tensor After(Convolution convolution, Tensor volume, Activation? activation, Tensor? skip = null)
    {
        using var scope = NewDisposeScope();
        // Subtracting the mean takes the convolution's bias away again.
        var end = IsOneOperator(volume)
            ? End(convolution.WithoutBias(volume), activation, skip, convolution.Bias)
            : End(convolution.call(volume), activation, skip, null);
        return end.MoveToOuterDisposeScope();
    }

    /// <summary>The norm of a volume, a skip added, an activation.</summary>
    /// <inheritdoc cref="After" />
    public Tensor Activated(Tensor volume, Activation? activation, Tensor? skip = null)
    {
        using var scope = NewDisposeScope();
        return End(volume, activation, skip, null).MoveToOuterDisposeScope();
    }

    private Tensor End(Tensor volume, Activation? activation, Tensor? skip, Tensor? cancelled)
    {
        Tensor normed;
        if (IsOneOperator(volume))
        {
            var (weight, bias) = norm.IsPlainInstance ? (null, null) : (Get("weight"), Get("bias"));
            if (ActivationFunction.NegativeSlope(activation) is { } slope)
            {
                return InstanceNormalization.Apply(volume, weight, bias, Epsilon, slope, skip, cancelled);
            }

            normed = InstanceNormalization.Apply(volume, weight, bias, Epsilon, cancelled: cancelled);
        }
        else
        {
            normed = Normalized(volume);
        }

        var sum = skip is null ? normed : normed.add_(skip);
        return activation is null ? sum : ActivationFunction.Overwrite(activation, sum);
    }

    // Whether there is an operator for the norm together with what follows it.
    private bool IsOneOperator(Tensor volume) =>
        norm.IsPlainInstance ? InstanceNormalization.Takes(volume)
        : norm.IsInstance && InstanceNormalization.Takes(volume, Peek("weight"));

    private Tensor Normalized(Tensor volume)
    {
        if (norm.IsPlainInstance)
        {
            return nn.functional.instance_norm(volume, eps: Epsilon);
        }

        if (norm.IsBatch)
        {
            return BatchNorm(volume);
        }

        var weight = Get("weight", volume);
        var bias = Get("bias", volume);
        return norm switch
        {
            Norm.Group group => nn.functional.group_norm(volume, group.groups, weight, bias, Epsilon),
            _ => nn.functional.instance_norm(volume, weight: weight, bias: bias, eps: Epsilon),
        };
    }

    /// <summary>
    /// Scale and shift stay in the type of the running statistics: libtorch takes either all in the volume's type or none.
    /// </summary>
    private Tensor BatchNorm(Tensor volume)
    {
        if (training)
        {
            using var _ = no_grad();
            Buffer("num_batches_tracked").add_(1);
        }

        return nn.functional.batch_norm(
            volume, Buffer("running_mean"), Buffer("running_var"), Get("weight"), Get("bias"), training, Momentum, Epsilon);
    }
}
