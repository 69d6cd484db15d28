using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using MedSegDsl.Runtime.Distributed.Control;

namespace MedSegDsl.Runtime.Distributed;

/// <summary>Starts this program again, once for each GPU of a training on one machine, and waits for the processes.</summary>
public static class LocalRanks
{
    /// <summary>The variable that tells a process that its standard input ends with the program that started it.</summary>
    private const string StartedVariable = "MEDSEG_STARTED_RANK";

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(20);

    /// <summary>Refuses more processes than there are GPUs.</summary>
    /// <param name="count">How many are asked for.</param>
    /// <param name="gpus">How many libtorch sees.</param>
    /// <exception cref="UserException">There are too few GPUs.</exception>
    public static void Check(int count, int gpus)
    {
        if (count < 1)
            throw new UserException($"--gpus {count}: at least one GPU trains");
        if (count > gpus)
            throw new UserException(
                $"--gpus {count}: libtorch sees {gpus} GPUs on this machine; on CPUs several processes train with mpirun --bind-to none -np {count} medseg train ...");
    }

    /// <summary>The variables of one process.</summary>
    /// <param name="rank">0 … count − 1.</param>
    /// <param name="count">The number of processes.</param>
    /// <param name="port">A free port on this machine.</param>
    /// <param name="token">Known to these processes alone.</param>
    /// <param name="visible">The GPUs that this process itself is shown: CUDA_VISIBLE_DEVICES; null for all.</param>
    public static IReadOnlyDictionary<string, string> Variables(int rank, int count, int port, string token, string? visible)
    {
        string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
        var gpus = visible?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];
        return new Dictionary<string, string>
        {
            ["RANK"] = Text(rank),
            ["WORLD_SIZE"] = Text(count),
            ["LOCAL_RANK"] = Text(rank),
            ["MASTER_ADDR"] = MeetingPoint.Loopback,
            ["MASTER_PORT"] = Text(port),
            [MeetingPoint.TokenVariable] = token,
            [StartedVariable] = "1",
            ["CUDA_VISIBLE_DEVICES"] = rank < gpus.Length ? gpus[rank] : Text(rank),
        };
    }

    /// <summary>Runs this program's command once for each rank. SIGTERM and SIGUSR1 are passed on, both as SIGTERM. Where one process fails, the others end by
    /// themselves, or are ended.</summary>
    /// <param name="count">The number of processes.</param>
    /// <returns>0 where all have succeeded, else the code of the first that has not.</returns>
    public static int Run(int count)
    {
        var (port, token) = (MeetingPoint.FreePort(), Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));
        var visible = Environment.GetEnvironmentVariable("CUDA_VISIBLE_DEVICES");
        Process[] ranks = [.. Enumerable.Range(0, count).Select(rank => Start(Variables(rank, count, port, token, visible)))];
        try
        {
            void PassOn(PosixSignalContext context)
            {
                context.Cancel = true;
                foreach (var rank in ranks.Where(rank => !rank.HasExited))
                    _ = SystemCalls.Signal(rank.Id, SystemCalls.Terminate);
            }

            using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, PassOn);
            using var user = PosixSignalRegistration.Create((PosixSignal)SystemCalls.User1, PassOn);
            return WaitFor(ranks);
        }
        finally
        {
            foreach (var rank in ranks)
            {
                if (!rank.HasExited)
                    rank.Kill();
                rank.Dispose();
            }
        }
    }

    /// <summary>In a process that was started here: ends it when the program that started it is gone.</summary>
    public static void FollowStarter()
    {
        if (Environment.GetEnvironmentVariable(StartedVariable) is null)
            return;
        var input = Console.OpenStandardInput();
        new Thread(() =>
        {
            while (input.ReadByte() >= 0)
            {
            }

            SystemCalls.Exit(1);
        })
        { IsBackground = true, Name = "starter" }.Start();
    }

    private static int WaitFor(Process[] ranks)
    {
        var first = Task.WhenAny(ranks.Select(Failure)).ContinueWith(_ => { }, TaskScheduler.Default);
        var all = Task.WhenAll(ranks.Select(rank => rank.WaitForExitAsync()));
        Task.WaitAny(all, first);
        if (!all.Wait(Grace))
            foreach (var rank in ranks.Where(rank => !rank.HasExited))
                rank.Kill();
        all.Wait();
        // A killed process's code says no more than that; one that was asked to stop says so with its own.
        return ranks.Select(rank => rank.ExitCode).FirstOrDefault(code => code != 0);
    }

    /// <summary>Ends when a rank has failed; never, where it succeeds.</summary>
    private static async Task Failure(Process rank)
    {
        await rank.WaitForExitAsync().ConfigureAwait(false);
        if (rank.ExitCode == 0)
            await Task.Delay(Timeout.Infinite).ConfigureAwait(false);
    }

    private static Process Start(IReadOnlyDictionary<string, string> variables)
    {
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("the program's own path is not known");
        var arguments = Environment.GetCommandLineArgs();
        var info = new ProcessStartInfo(program) { RedirectStandardInput = true };
        // `dotnet program.dll WORDS` names the program in its first argument, and so does `program WORDS`.
        foreach (var argument in Path.GetFileNameWithoutExtension(program) == "dotnet" ? arguments : arguments[1..])
            info.ArgumentList.Add(argument);
        foreach (var (name, value) in variables)
            info.Environment[name] = value;
        return Process.Start(info) ?? throw new InvalidOperationException($"{program} did not start");
    }
}
