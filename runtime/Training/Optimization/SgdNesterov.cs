using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Optimization;

/// <summary>
/// Stochastic gradient descent with Nesterov momentum as nnU-Net uses it: g = clipped gradient + weight decay · w;
/// v = momentum · v + g, which starts as g; w −= rate · (g + momentum · v). Biases and norms decay too.
/// </summary>
public sealed class SgdNesterov(
    IEnumerable<(string Name, Tensor Parameter)> parameters, double clipping, double momentum, double weightDecay)
    : ParameterOptimizer(parameters, clipping)
{
    private protected override IReadOnlyList<string> MomentNames => ["momentum"];

    private protected override Tensor Update(
        Tensor weights, Tensor gradient, IReadOnlyDictionary<string, Tensor> moments, double learningRate)
    {
        gradient.add_(weights, alpha: weightDecay);
        var velocity = moments["momentum"].mul_(momentum).add_(gradient);
        return gradient.add_(velocity, alpha: momentum).mul_(-learningRate);
    }
}
