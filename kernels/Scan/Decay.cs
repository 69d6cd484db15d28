using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MedSegDsl.Kernels;

/// <summary>How a scan's task computes decays 2^(dt·rate): a type for each way, so that the inner loops have none of the choice.</summary>
internal interface IDecay
{
    /// <summary>2^(dt·rate).</summary>
    static abstract Vector256<float> Of(Vector256<float> dt, Vector256<float> rate);
}

/// <summary>Whatever dt·rate is.</summary>
internal readonly struct AnyDecay : IDecay
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Of(Vector256<float> dt, Vector256<float> rate) => VectorMath.Exp2(dt * rate);
}

/// <summary>Where no |dt·rate| of the chunk is above <see cref="Limit"/>, as in all but degenerate networks.</summary>
internal readonly struct BoundedDecay : IDecay
{
    /// <summary>Up to here 2ˣ and 2⁻ˣ are normal numbers.</summary>
    public const float Limit = 126f;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Of(Vector256<float> dt, Vector256<float> rate) => VectorMath.Exp2OfProduct(dt, rate);
}
