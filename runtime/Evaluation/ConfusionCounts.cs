namespace MedSegDsl.Runtime.Evaluation;

/// <summary>Voxels in which a prediction and a reference agree or not about one label or region.</summary>
/// <param name="TruePositives">In both.</param>
/// <param name="FalsePositives">In the prediction alone.</param>
/// <param name="FalseNegatives">In the reference alone.</param>
/// <param name="TrueNegatives">In neither.</param>
public readonly record struct ConfusionCounts(
    long TruePositives, long FalsePositives, long FalseNegatives, long TrueNegatives)
{
    /// <summary>2 TP / (2 TP + FP + FN); NaN where both are empty.</summary>
    public double Dice => 2.0 * TruePositives / (2 * TruePositives + FalsePositives + FalseNegatives);

    /// <summary>TP / (TP + FP + FN); NaN where both are empty.</summary>
    public double IoU => (double)TruePositives / (TruePositives + FalsePositives + FalseNegatives);

    /// <summary>Voxels of the prediction.</summary>
    public long Predicted => TruePositives + FalsePositives;

    /// <summary>Voxels of the reference.</summary>
    public long Reference => TruePositives + FalseNegatives;
}
