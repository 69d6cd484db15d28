namespace MedSegDsl.Runtime.Training.Sampling;

/// <summary>Which samples of a batch must contain foreground.</summary>
public static class ForegroundOversampling
{
    /// <summary>The last ones: sample j if j is at least round(batch · (1 − share)), half to even.</summary>
    /// <param name="sample">0 … batch − 1.</param>
    /// <param name="batch">Samples in the batch.</param>
    /// <param name="share">nnU-Net: 0.33.</param>
    public static bool IsForced(int sample, int batch, double share) => sample >= Math.Round(batch * (1 - share));
}
