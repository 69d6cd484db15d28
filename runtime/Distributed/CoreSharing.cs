namespace MedSegDsl.Runtime.Distributed;

/// <summary>Which processes of a training share their cores: mpirun and srun often give each its own.</summary>
internal static class CoreSharing
{
    /// <summary>How many ranks may run on this rank's cores, itself included; all ranks make this call.</summary>
    public static int Count(ICommunicator ranks)
    {
        var own = $"{Environment.MachineName} {AllowedCores()}";
        return ranks.Gather(own).Count(cores => cores == own);
    }

    private static string AllowedCores() =>
        File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("Cpus_allowed_list", StringComparison.Ordinal)) ?? "";
}
