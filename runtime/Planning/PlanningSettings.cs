namespace MedSegDsl.Runtime.Planning;

/// <summary>What a user may choose about the plans.</summary>
/// <param name="Planner">The planner.</param>
/// <param name="Gigabytes">GPU memory target; null for the planner's own.</param>
/// <param name="TargetSpacing">Spacing of 3d_fullres in mm along z, y, x; null for the rule.</param>
/// <param name="PlansName">The name of the plans; null for the planner's own. Give one with a memory target
/// or spacing of your own,
/// or the default plans are overwritten.</param>
public sealed record PlanningSettings(
    Planner Planner, double? Gigabytes = null, double[]? TargetSpacing = null, string? PlansName = null)
{
    /// <summary>The default planner with its own settings.</summary>
    public static PlanningSettings Default { get; } = new(Planner.Default);

    /// <summary>The name that the plans will have.</summary>
    public string Name => PlansName ?? Planner.PlansName;

    /// <summary>Everything that is wrong, one line each.</summary>
    public IReadOnlyList<string> Problems()
    {
        List<string> problems = [];
        if (Gigabytes is { } memory && !(memory > 0 && double.IsFinite(memory)))
            problems.Add($"the GPU memory target should be a positive number of GB, not {memory}");
        if (TargetSpacing is { } spacing && (spacing.Length != 3 || spacing.Any(s => !(s > 0 && double.IsFinite(s)))))
            problems.Add("the target spacing should be three positive numbers in mm (z, y, x)");
        if (Name.Length == 0 || Name.IndexOfAny(Path.GetInvalidFileNameChars()) >= 0)
            problems.Add($"\"{Name}\" cannot be a file name");
        return problems;
    }

    /// <summary>Stops where the settings cannot be used.</summary>
    /// <exception cref="UserException">They have <see cref="Problems"/>.</exception>
    public void ThrowIfWrong()
    {
        if (Problems() is { Count: > 0 } problems)
            throw new UserException(string.Join("; ", problems));
    }
}
