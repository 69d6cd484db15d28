using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Optimization;

/// <summary>
/// Adam (Kingma and Ba 2015, with PyTorch's defaults β = 0.9, 0.999) and two changes of it. w −= rate · m̂ / (√v̂ + ε), with
/// weight decay · w added to the gradient, or, decoupled, to the step (AdamW; Loshchilov and Hutter 2019, algorithm 2); with
/// AMSGrad v is the largest that it has been (Reddi and others 2018).
/// </summary>
public sealed class Adam(
    IEnumerable<(string Name, Tensor Parameter)> parameters,
    double clipping,
    double weightDecay,
    double epsilon,
    bool decoupled,
    bool amsGrad)
    : ParameterOptimizer(parameters, clipping)
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.999;

    private protected override IReadOnlyList<string> MomentNames => amsGrad ? ["mean", "square", "largest"] : ["mean", "square"];

    private protected override Tensor Update(
        Tensor weights, Tensor gradient, IReadOnlyDictionary<string, Tensor> moments, double learningRate)
    {
        if (!decoupled)
            gradient.add_(weights, alpha: weightDecay);
        var mean = moments["mean"].mul_(Beta1).add_(gradient, alpha: 1 - Beta1);
        var square = moments["square"].mul_(Beta2).addcmul_(gradient, gradient, value: 1 - Beta2);
        if (amsGrad)
            square = moments["largest"].copy_(moments["largest"].maximum(square));
        var (correction1, correction2) = (1 - Math.Pow(Beta1, Steps), 1 - Math.Pow(Beta2, Steps));
        var denominator = square.div(correction2).sqrt_().add_(epsilon);
        var decay = weights.mul_(decoupled ? -learningRate * weightDecay : 0);
        return decay.addcdiv_(mean, denominator, value: -learningRate / correction1);
    }
}
