namespace MedSegDsl.Runtime.Planning;

/// <summary>The constants of one of nnU-Net's planner classes.</summary>
/// <param name="ClassName">nnU-Net's class name, written to the plans.</param>
/// <param name="PlansName">The name of the plans unless another is given.</param>
/// <param name="Reference3D">Feature-map values that fill the reference memory at batch size 2.</param>
/// <param name="Reference2D">The same for 2D patches at batch size 12.</param>
/// <param name="ReferenceGigabytes">The reference memory.</param>
/// <param name="LargestFraction">The part of the dataset's voxels that one batch may cover.</param>
/// <param name="ResidualEncoder">Residual encoder instead of plain convolutions.</param>
public sealed record Planner(
    string ClassName,
    string PlansName,
    double Reference3D,
    double Reference2D,
    double ReferenceGigabytes,
    double LargestFraction,
    bool ResidualEncoder)
{
    /// <summary>Batch size that the 3D reference stands for.</summary>
    public const int ReferenceBatch3D = 2;

    /// <summary>Batch size that the 2D reference stands for.</summary>
    public const int ReferenceBatch2D = 12;

    /// <summary>The default: PlainConvUNet, 8 GB.</summary>
    public static Planner Default { get; } = new("ExperimentPlanner", "nnUNetPlans", 560e6, 85e6, 8, 0.05, false);

    /// <summary>The first residual planner, 8 GB.</summary>
    public static Planner ResEnc { get; } = new("ResEncUNetPlanner", "nnUNetResEncUNetPlans", 680e6, 135e6, 8, 0.05, true);

    /// <summary>Residual encoder M, 8 GB.</summary>
    public static Planner ResEncM { get; } = new("nnUNetPlannerResEncM", "nnUNetResEncUNetMPlans", 680e6, 135e6, 8, 1, true);

    /// <summary>Residual encoder L, 24 GB.</summary>
    public static Planner ResEncL { get; } = new("nnUNetPlannerResEncL", "nnUNetResEncUNetLPlans", 2100e6, 380e6, 24, 1, true);

    /// <summary>Residual encoder XL, 40 GB.</summary>
    public static Planner ResEncXL { get; } = new("nnUNetPlannerResEncXL", "nnUNetResEncUNetXLPlans", 3600e6, 560e6, 40, 1, true);

    /// <summary>All planners.</summary>
    public static IReadOnlyList<Planner> All { get; } = [Default, ResEnc, ResEncM, ResEncL, ResEncXL];

    /// <summary>The planner of a class name.</summary>
    /// <exception cref="UserException">There is none of this name.</exception>
    public static Planner ByName(string className) => All.FirstOrDefault(planner => planner.ClassName == className)
        ?? throw new UserException(
            $"No planner \"{className}\"; there are {string.Join(", ", All.Select(planner => planner.ClassName))}");

    /// <summary>Where preprocessed cases lie: the residual planners share the default planner's folders for
    /// 2d and 3d_fullres.</summary>
    /// <param name="plansName">The name of the plans.</param>
    /// <param name="configuration">The configuration.</param>
    public string DataIdentifier(string plansName, string configuration) =>
        ResidualEncoder && configuration is "2d" or "3d_fullres"
            ? $"{Default.PlansName}_{configuration}"
            : $"{plansName}_{configuration}";
}
