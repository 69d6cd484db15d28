namespace MedSegDsl.Runtime.Distributed.Control;

/// <summary>Slurm's lists of machines, as SLURM_JOB_NODELIST has them: <c>gpu[03-07,12],login</c>.</summary>
internal static class SlurmNodes
{
    /// <summary>The first machine of a list: <c>gpu03</c>. Slurm starts task 0 there.</summary>
    public static string First(string list)
    {
        var name = "";
        for (var i = 0; i < list.Length && list[i] != ','; i++)
        {
            var end = list[i] == '[' ? list.IndexOf(']', i) : -1;
            name += end < 0 ? list[i] : list[(i + 1)..end].Split(',', '-')[0];
            i = Math.Max(i, end);
        }

        return name;
    }
}
