namespace MedSegDsl.Models;

/// <summary>How the linear layers of a Mamba mixer start.</summary>
/// <param name="Linear">in_proj, x_proj and out_proj, by their inputs.</param>
/// <param name="TimeStepWeight">dt_proj's weight, by its inputs.</param>
/// <param name="TimeStepBias">dt_proj's bias.</param>
public sealed record ScanStart(Func<long, Start> Linear, Func<long, Start> TimeStepWeight, Start TimeStepBias)
{
    /// <summary>state-spaces/mamba's own: PyTorch's default, and time steps in [0.001, 0.1].</summary>
    public static readonly ScanStart StateSpaces = new(Start.InverseRoot, Start.InverseRoot, new Start.TimeStepBias());

    private static readonly ScanStart SmallWeights =
        new(_ => Start.SmallNormal, Start.InverseRoot, new Start.TimeStepBias());

    private static readonly ScanStart UlikeMamba = new(_ => Start.SmallNormal, _ => Start.SmallNormal, Start.Zero);

    /// <summary>Of a Mamba layer under an initialisation: the public code of UlikeMamba overwrites the time step's.</summary>
    public static ScanStart Of(Initialisation initialisation) =>
        initialisation.IsAsPublished ? UlikeMamba : SmallWeights;
}
