using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>How the values of a parameter start.</summary>
public abstract record Start
{
    /// <summary>All 0.</summary>
    public static readonly Start Zero = new Constant(0);

    /// <summary>All 1.</summary>
    public static readonly Start One = new Constant(1);

    /// <summary>
    /// What the public code gives linear weights and position embeddings: its normal 0.02 is truncated at ±2, a hundred
    /// standard deviations out, so it is an ordinary normal.
    /// </summary>
    public static readonly Start SmallNormal = new Normal(0.02);

    /// <summary>
    /// He's normal for rectified layers: variance 2 / fan-out (outputs · kernel volume, groups not counted).
    /// </summary>
    public static Start HeFanOut(long fanOut) => new Normal(Math.Sqrt(2.0 / fanOut));

    /// <summary>Uniform within ±1/√(fan-in): PyTorch's default for weights and biases.</summary>
    public static Start InverseRoot(long fanIn) => new Uniform(1.0 / Math.Sqrt(fanIn));

    /// <summary>Xavier's uniform: variance 2 / (fan-in + fan-out).</summary>
    public static Start Xavier(long fanIn, long fanOut) => new Uniform(Math.Sqrt(6.0 / (fanIn + fanOut)));

    /// <summary>Fills a float32 parameter in place.</summary>
    public abstract void Fill(Tensor parameter, Generator generator);

    /// <summary>One value everywhere.</summary>
    public sealed record Constant(double Value) : Start
    {
        /// <inheritdoc />
        public override void Fill(Tensor parameter, Generator generator) => parameter.fill_(Value);
    }

    /// <summary>Normal with mean 0.</summary>
    public sealed record Normal(double Deviation) : Start
    {
        /// <inheritdoc />
        public override void Fill(Tensor parameter, Generator generator) => parameter.normal_(0, Deviation, generator);
    }

    /// <summary>Uniform within ±bound.</summary>
    public sealed record Uniform(double Bound) : Start
    {
        /// <inheritdoc />
        public override void Fill(Tensor parameter, Generator generator) => parameter.uniform_(-Bound, Bound, generator);
    }

    /// <summary>A_log (D, N): log 1 … log N in every row (S4D-real, state-spaces/mamba).</summary>
    public sealed record LogCounts : Start
    {
        /// <inheritdoc />
        public override void Fill(Tensor parameter, Generator generator) =>
            parameter.copy_(arange(1, parameter.shape[1] + 1, ScalarType.Float32).log());
    }

    /// <summary>
    /// The time step's bias: softplus of it is log-uniform in [0.001, 0.1] (state-spaces/mamba, mamba_simple).
    /// </summary>
    public sealed record TimeStepBias : Start
    {
        private const double Least = 0.001;
        private const double Most = 0.1;

        /// <inheritdoc />
        public override void Fill(Tensor parameter, Generator generator)
        {
            parameter.uniform_(Math.Log(Least), Math.Log(Most), generator);
            var step = parameter.exp();

            // The inverse of softplus: y + log(1 − e^−y).
            parameter.copy_(step + (-(-step).expm1()).log());
        }
    }

    /// <summary>
    /// The bias of deformable attention's sampling offsets, (heads · levels · points · 3): head h looks in a direction of its
    /// own, θ = 2π·h / heads, (cos θ, sin θ·cos θ, sin θ·sin θ) with the largest number at 1, point p p + 1 voxels away (CoTr,
    /// ms_deform_attn).
    /// </summary>
    public sealed record SamplingDirections(int Heads, int Levels, int Points) : Start
    {
        /// <inheritdoc />
        public override void Fill(Tensor parameter, Generator generator)
        {
            var theta = arange(Heads, ScalarType.Float32) * (2 * Math.PI / Heads);
            var direction = stack([theta.cos(), theta.sin() * theta.cos(), theta.sin() * theta.sin()], -1);
            var largest = direction.abs().amax([-1], keepdim: true);
            var steps = arange(1, Points + 1, ScalarType.Float32).view(1, 1, Points, 1);
            var offsets = (direction / largest).view(Heads, 1, 1, 3) * steps;
            parameter.copy_(offsets.expand(Heads, Levels, Points, 3).reshape(-1));
        }
    }
}
