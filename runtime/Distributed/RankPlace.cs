using System.Globalization;

namespace MedSegDsl.Runtime.Distributed;

/// <summary>
/// Which rank of how many this process is, as the program that started it says in the environment: medseg itself and torchrun
/// (RANK, WORLD_SIZE, LOCAL_RANK), Open MPI's mpirun (OMPI_COMM_WORLD_*), MPICH's (PMI_*), Slurm's srun (SLURM_*).
/// </summary>
/// <param name="Rank">0 … Size − 1.</param>
/// <param name="Size">The number of processes.</param>
/// <param name="LocalRank">This process's number on its machine.</param>
/// <param name="Launcher">Who started them, for messages.</param>
public sealed record RankPlace(int Rank, int Size, int LocalRank, string Launcher)
{
    /// <summary>A process by itself.</summary>
    public static readonly RankPlace Alone = new(0, 1, 0, "");

    /// <summary>The place that this process's environment names; alone where it names none.</summary>
    /// <exception cref="UserException">The environment contradicts itself.</exception>
    public static RankPlace FromEnvironment() => From(Environment.GetEnvironmentVariable);

    /// <summary>The place that variables name.</summary>
    /// <param name="variable">The value of a variable; null where it is not set.</param>
    /// <exception cref="UserException">The variables contradict each other.</exception>
    public static RankPlace From(Func<string, string?> variable)
    {
        int? Number(string name) =>
            int.TryParse(variable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;

        RankPlace? Named(string launcher, string rank, string size, string localRank) =>
            Number(rank) is { } r && Number(size) is { } n
                ? new RankPlace(r, n, Number(localRank) ?? r, launcher)
                : null;

        // In a batch script Slurm counts the tasks that srun could start; only inside srun are there so many processes.
        var place = Named("the environment", "RANK", "WORLD_SIZE", "LOCAL_RANK")
            ?? Named("mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK")
            ?? Named("mpirun", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID")
            ?? (variable("SLURM_STEP_ID") is null
                ? null
                : Named("srun", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"))
            ?? Alone;
        return place.Size >= 1 && place.Rank < place.Size
            ? place
            : throw new UserException($"{place.Launcher} says that this is rank {place.Rank} of {place.Size}: ranks count from 0");
    }
}
