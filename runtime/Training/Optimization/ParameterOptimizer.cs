using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Optimization;

/// <summary>
/// Turns gradients into steps. Parameters that get no gradient in the first step are left alone for good, as
/// PyTorch's optimizers do: the map of lowest resolution in deep supervision, published copies that nothing uses.
/// The state can be taken and put back exactly, under the parameters' names.
/// </summary>
public abstract class ParameterOptimizer : IDisposable
{
    private readonly (string Name, Tensor Parameter)[] candidates;
    private readonly double clipping;
    private ParameterVector? vector;
    private Dictionary<string, Tensor> moments = [];

    /// <summary>Takes a network's parameters.</summary>
    /// <param name="parameters">All parameters with their state-dict names.</param>
    /// <param name="clipping">The largest L2 norm of the gradient over all parameters.</param>
    protected ParameterOptimizer(IEnumerable<(string Name, Tensor Parameter)> parameters, double clipping)
    {
        candidates = [.. parameters.Where(p => p.Parameter.requires_grad)];
        this.clipping = clipping;
    }

    /// <summary>The optimizer that an experiment asks for.</summary>
    public static ParameterOptimizer Create(
        Optimizer optimizer, IEnumerable<(string Name, Tensor Parameter)> parameters, double clipping) =>
        optimizer switch
        {
            Optimizer.SgdNesterov s => new SgdNesterov(parameters, clipping, s.momentum, s.weightDecay),
            Optimizer.Adam a => new Adam(parameters, clipping, a.weightDecay, a.epsilon, decoupled: false, amsGrad: false),
            Optimizer.AdamW a => new Adam(parameters, clipping, a.weightDecay, a.epsilon, decoupled: true, amsGrad: false),
            Optimizer.AdamWAmsGrad a => new Adam(parameters, clipping, a.weightDecay, a.epsilon, decoupled: true, amsGrad: true),
            _ => throw new ArgumentOutOfRangeException(nameof(optimizer)),
        };

    /// <summary>Steps taken so far.</summary>
    public long Steps { get; private set; }

    /// <summary>The vectors that the rule carries from step to step, all zero at first.</summary>
    private protected abstract IReadOnlyList<string> MomentNames { get; }

    /// <summary>
    /// Clips the gradients, takes one step and drops the gradients. Where a loss scale is given and gradients have overflowed,
    /// the step is left out.
    /// </summary>
    /// <param name="learningRate">The epoch's learning rate.</param>
    /// <param name="scale">What the gradients were multiplied with, adapted here; null: 1.</param>
    /// <returns>The gradient's norm before clipping: a float32 tensor without dimensions.</returns>
    public Tensor Step(double learningRate, LossScale? scale = null)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        vector ??= Start(candidates.Where(p => p.Parameter.grad is not null));
        var gradient = vector.Gradients();
        if (scale is not null)
            gradient.mul_(1 / scale.Value);
        var norm = gradient.norm();
        if (scale is not null)
        {
            var overflowed = !float.IsFinite(norm.item<float>());
            scale.Update(overflowed);
            if (overflowed)
            {
                DropGradients();
                return norm.MoveToOuterDisposeScope();
            }
        }

        Steps++;
        gradient.mul_((clipping / (norm + 1e-6)).clamp_max(1));
        vector.Add(Update(vector.Weights(), gradient, moments, learningRate));
        DropGradients();
        return norm.MoveToOuterDisposeScope();
    }

    /// <summary>Drops the gradients without a step.</summary>
    public void DropGradients()
    {
        foreach (var (_, parameter) in candidates)
            parameter.grad = null;
    }

    /// <summary>What to add to the weights.</summary>
    /// <param name="weights">All parameters as one vector.</param>
    /// <param name="gradient">The clipped gradient; may be changed.</param>
    /// <param name="moments">The vectors that the rule carries; changed in place.</param>
    /// <param name="learningRate">The epoch's learning rate.</param>
    private protected abstract Tensor Update(
        Tensor weights, Tensor gradient, IReadOnlyDictionary<string, Tensor> moments, double learningRate);

    /// <summary>Copies of the carried vectors, one tensor for each parameter: <c>momentum.NAME</c>. The caller
    /// disposes them. Empty before the first step.</summary>
    public Dictionary<string, Tensor> State()
    {
        using var scope = NewDisposeScope();
        if (vector is null)
            return [];
        return moments
            .SelectMany(m => vector.Named(m.Value).Select(p => (Name: $"{m.Key}.{p.Name}", p.Part)))
            .ToDictionary(p => p.Name, p => p.Part.clone().MoveToOuterDisposeScope());
    }

    /// <summary>Puts a state back.</summary>
    /// <param name="state">What <see cref="State"/> gave.</param>
    /// <param name="steps">The steps taken until then.</param>
    /// <exception cref="UserException">The state is not that of these parameters and this rule.</exception>
    public void Load(IReadOnlyDictionary<string, Tensor> state, long steps)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        if (steps > 0)
        {
            var first = MomentNames[0] + ".";
            var trained = candidates.Where(p => state.ContainsKey(first + p.Name)).ToArray();
            var expected = MomentNames.SelectMany(m => trained.Select(p => $"{m}.{p.Name}")).ToHashSet();
            if (trained.Length == 0 || !expected.SetEquals(state.Keys))
                throw new UserException(
                    "the checkpoint's optimizer state belongs to another network or optimizer: train anew without --continue");
            vector = Start(trained);
            foreach (var (moment, values) in moments)
                foreach (var (name, part) in vector.Named(values))
                    part.copy_(state[$"{moment}.{name}"]);
        }

        Steps = steps;
    }

    private ParameterVector Start(IEnumerable<(string Name, Tensor Parameter)> trained)
    {
        var started = new ParameterVector(trained);
        moments = MomentNames.ToDictionary(name => name, _ => started.Zeros().DetachFromDisposeScope());
        return started;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var moment in moments.Values)
            moment.Dispose();
        GC.SuppressFinalize(this);
    }
}
