namespace MedSegDsl.Runtime.Planning;

/// <summary>Patch size, network and batch size of one configuration: the largest patch that fits the memory
/// target
/// (get_plans_for_configuration of MIC-DKFZ/nnUNet).</summary>
/// <param name="planner">The planner's constants.</param>
/// <param name="gigabytes">The memory target, or null for the planner's own.</param>
/// <param name="outputs">Number of entries in dataset.json's labels: the memory estimate takes it for the
/// output channels.</param>
public sealed class ConfigurationPlanner(Planner planner, double? gigabytes, int outputs)
{
    private const int BaseFeatures = 32;
    private const int SmallestBatch = 2;

    /// <summary>Plans a configuration with two or three axes.</summary>
    /// <param name="spacing">Target spacing in mm.</param>
    /// <param name="median">Median shape of the resampled cases.</param>
    /// <param name="datasetVoxels">Approximate number of voxels of the resampled dataset.</param>
    public ConfigurationPlan Plan(double[] spacing, double[] median, double datasetVoxels)
    {
        var is2D = spacing.Length == 2;
        var reference = (is2D ? planner.Reference2D : planner.Reference3D)
                        * ((gigabytes ?? planner.ReferenceGigabytes) / planner.ReferenceGigabytes);
        var referenceBatch = is2D ? Planner.ReferenceBatch2D : Planner.ReferenceBatch3D;
        var topology = Topology.For(spacing, InitialPatch(spacing, median));
        var estimate = Estimate(topology);
        while ((planner.ResidualEncoder ? estimate : (double)estimate / referenceBatch * 2) > reference)
        {
            topology = Shrink(topology, spacing, median);
            estimate = Estimate(topology);
        }

        var patchVoxels = topology.PatchSize.Aggregate(1.0, (product, edge) => product * edge);
        var batch = (int)Math.Round(reference / estimate * referenceBatch);
        var cap = Math.Round(datasetVoxels * planner.LargestFraction / patchVoxels);
        return new(topology, Features(topology.Stages, is2D), (int)Math.Max(Math.Min(batch, cap), SmallestBatch));
    }

    /// <summary>The network of a plan.</summary>
    public PlannedArchitecture Architecture(ConfigurationPlan plan)
    {
        var stages = Enumerable.Range(0, plan.Topology.Stages);
        var residual = planner.ResidualEncoder;
        return PlannedArchitecture.Create(
            residual,
            plan.Features,
            plan.Topology.Kernels,
            plan.Topology.Strides,
            [.. stages.Select(stage => residual ? MemoryEstimate.ResidualBlocks(stage) : MemoryEstimate.PlainConvolutions)],
            [.. stages.Skip(1).Select(_ => residual ? 1 : MemoryEstimate.PlainConvolutions)]);
    }

    // A cube of 256³ voxels (a square of 2048²) of the target spacing's proportions, not larger than the
    // median case.
    private static double[] InitialPatch(double[] spacing, double[] median)
    {
        double[] inverse = [.. spacing.Select(s => 1 / s)];
        var volume = spacing.Length == 2 ? 2048.0 * 2048 : 256.0 * 256 * 256;
        var scale = Math.Pow(volume / inverse.Aggregate(1.0, (product, s) => product * s), 1.0 / spacing.Length);
        return [.. inverse.Zip(median, (s, m) => Math.Min(Math.Round(s * scale), m))];
    }

    // The axis that is largest in proportion to the median case gets smaller by its divisor.
    private static Topology Shrink(Topology topology, double[] spacing, double[] median)
    {
        int[] patch = [.. topology.PatchSize];
        double[] part = [.. patch.Zip(median, (edge, m) => edge / m)];
        var axis = Array.LastIndexOf(part, part.Max());
        double[] trial = [.. patch];
        trial[axis] -= topology.Divisor[axis];
        patch[axis] -= Topology.For(spacing, trial).Divisor[axis];
        return Topology.For(spacing, [.. patch]);
    }

    private long Estimate(Topology topology)
    {
        var features = Features(topology.Stages, topology.PatchSize.Length == 2);
        return planner.ResidualEncoder
            ? MemoryEstimate.Residual(topology.PatchSize, topology.Strides, features, outputs)
            : MemoryEstimate.Plain(topology.PatchSize, topology.Strides, features, outputs);
    }

    private static int[] Features(int stages, bool is2D) =>
        [.. Enumerable.Range(0, stages).Select(stage => (int)Math.Min(is2D ? 512 : 320, BaseFeatures * Math.Pow(2, stage)))];
}

/// <summary>What the planner found for a configuration.</summary>
/// <param name="Topology">Patch size, strides, kernels.</param>
/// <param name="Features">Channels of each stage.</param>
/// <param name="BatchSize">Patches in a batch.</param>
public sealed record ConfigurationPlan(Topology Topology, int[] Features, int BatchSize);
