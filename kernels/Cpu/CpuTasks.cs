using TorchSharp;

namespace MedSegDsl.Kernels;

/// <summary>Independent tasks of a CPU kernel, run on as many threads as libtorch uses (<c>torch.set_num_threads</c>).</summary>
internal static class CpuTasks
{
    /// <summary>Runs tasks 0 … count − 1. What each computes must not depend on the others, so that results are the same bits every time.</summary>
    public static void Run(int count, Action<int> task)
    {
        var threads = Math.Min(count, torch.get_num_threads());
        if (threads <= 1)
        {
            for (var i = 0; i < count; i++)
            {
                task(i);
            }
            return;
        }
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads }, task);
    }
}
