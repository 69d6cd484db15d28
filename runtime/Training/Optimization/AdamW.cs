using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Optimization;

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2, with PyTorch's defaults β = 0.9, 0.999):
/// w −= rate · (weight decay · w + m̂ / (√v̂ + ε)).
/// </summary>
public sealed class AdamW(
    IEnumerable<(string Name, Tensor Parameter)> parameters, double clipping, double weightDecay, double epsilon)
    : ParameterOptimizer(parameters, clipping)
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.999;

    private protected override IReadOnlyList<string> MomentNames => ["mean", "square"];

    private protected override Tensor Update(
        Tensor weights, Tensor gradient, IReadOnlyDictionary<string, Tensor> moments, double learningRate)
    {
        var mean = moments["mean"].mul_(Beta1).add_(gradient, alpha: 1 - Beta1);
        var square = moments["square"].mul_(Beta2).addcmul_(gradient, gradient, value: 1 - Beta2);
        var (correction1, correction2) = (1 - Math.Pow(Beta1, Steps), 1 - Math.Pow(Beta2, Steps));
        var denominator = square.div(correction2).sqrt_().add_(epsilon);
        return weights.mul_(-learningRate * weightDecay)
            .addcdiv_(mean, denominator, value: -learningRate / correction1);
    }
}
