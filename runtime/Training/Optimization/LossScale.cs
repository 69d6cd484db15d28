namespace MedSegDsl.Runtime.Training.Optimization;

/// <summary>
/// What a loss is multiplied with before the backward pass in float16, so that small gradients do not vanish (Micikevicius
/// and others, "Mixed Precision Training", ICLR 2018, section 3.2). It starts at 2^16, is halved when a gradient overflows, a step
/// that is then left out, and doubled after 2000 steps without: PyTorch's GradScaler, which nnU-Net uses.
/// </summary>
public sealed class LossScale
{
    private const double Start = 65536;
    private const int Patience = 2000;

    /// <summary>A scale at its start, or where a training was interrupted.</summary>
    /// <param name="value">The factor; null: 2^16.</param>
    /// <param name="stepsWithoutOverflow">The steps since it last changed.</param>
    public LossScale(double? value = null, int stepsWithoutOverflow = 0)
    {
        Value = value ?? Start;
        StepsWithoutOverflow = stepsWithoutOverflow;
    }

    /// <summary>The factor.</summary>
    public double Value { get; private set; }

    /// <summary>The steps since it last changed.</summary>
    public int StepsWithoutOverflow { get; private set; }

    /// <summary>Whether a step may still be left out: a factor below 1 has been halved too often for large gradients alone.</summary>
    public bool CanShrink => Value >= 1;

    /// <summary>Adapts the factor to a step's gradients.</summary>
    /// <param name="overflowed">Whether a gradient was not a finite number.</param>
    public void Update(bool overflowed)
    {
        StepsWithoutOverflow = overflowed ? 0 : StepsWithoutOverflow + 1;
        if (overflowed)
        {
            Value /= 2;
        }
        else if (StepsWithoutOverflow == Patience)
        {
            (Value, StepsWithoutOverflow) = (Value * 2, 0);
        }
    }
}
