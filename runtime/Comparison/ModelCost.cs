using MedSegDsl.Runtime.Measurement;

namespace MedSegDsl.Runtime.Comparison;

/// <summary>What a network costs on one patch of its training.</summary>
/// <param name="Parameters">Learned numbers.</param>
/// <param name="MultiplyAdds">Multiply–adds of a forward pass, as the paper counts FLOPs.</param>
/// <param name="ActivationBytes">What the activations of a patch take in float32 until the backward pass, computed.</param>
/// <param name="Measured">Latency and memory on a device; null where they were not measured.</param>
public sealed record ModelCost(long Parameters, long MultiplyAdds, long ActivationBytes, NetworkFigures? Measured)
{
    /// <summary>The cost of a trained model from the experiment in its folder.</summary>
    /// <param name="folder">The folder of all folds.</param>
    /// <param name="measured">What was measured of it, if anything.</param>
    /// <returns>Null where the folder has no experiment.json: another program trained it.</returns>
    /// <exception cref="UserException">The experiment cannot be read, or does not fit its own plans.</exception>
    public static ModelCost? Of(string folder, NetworkFigures? measured = null)
    {
        if (TrainedDefinition.Of(folder) is not { } trained)
            return null;
        var cost = NetworkCostModule.ofNetwork(trained.Patch, trained.Channels, trained.Classes, trained.Network);
        if (cost.IsError)
            throw new UserException($"{Path.Combine(folder, "experiment.json")}: {string.Join("; ", cost.ErrorValue)}");
        var total = cost.ResultValue.Total;
        return new ModelCost(total.ParameterCount, total.MultiplyAdds, total.ActivationBytes, measured);
    }

    /// <summary>The median time of a forward pass in milliseconds; NaN where it was not measured.</summary>
    public double LatencyMs => Measured?.Forward?.Milliseconds ?? double.NaN;

    /// <summary>The most memory that prediction took, in bytes; NaN where it was not measured.</summary>
    public double PredictionBytes => Measured?.Forward?.PeakBytes ?? double.NaN;

    /// <summary>The most memory that a forward and backward pass took, in bytes; NaN where it was not measured.</summary>
    public double TrainingBytes => Measured?.Training?.PeakBytes ?? double.NaN;
}
