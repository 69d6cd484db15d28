using System.Runtime.InteropServices;

namespace MedSegDsl.Runtime.Distributed;

/// <summary>Calls of the system that .NET does not offer.</summary>
internal static partial class SystemCalls
{
    /// <summary>SIGTERM.</summary>
    public const int Terminate = 15;

    /// <summary>SIGUSR1.</summary>
    public const int User1 = 10;

    /// <summary>Sends a signal to a process.</summary>
    public static int Signal(int process, int signal) => kill(process, signal);

    /// <summary>Ends this process at once: nothing is unwound or waited for.</summary>
    public static void Exit(int code) => _exit(code);

    /// <summary>Sets a variable for native libraries, unless it is set: .NET changes only its own copy of the environment.</summary>
    public static void SetDefault(string variable, string value) => _ = setenv(variable, value, 0);

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);

    [LibraryImport("libc")]
    private static partial void _exit(int code);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);
}
