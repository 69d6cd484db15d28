using MedSegDsl.Runtime.Logging;
using Spectre.Console;

namespace MedSegDsl.Runtime.Training.Progress;

/// <summary>What suits the console.</summary>
public static class ConsoleProgress
{
    /// <summary>A live display on a terminal; plain lines where the output is redirected.</summary>
    public static ITrainingProgress Create() =>
        Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive
            ? new LoggedProgress(LineLogger.To(Console.Out))
            : new LiveProgress(AnsiConsole.Console);
}
