using System.Text.RegularExpressions;

namespace MedSegDsl.Runtime.Files;

/// <summary>Writes files whole or not at all: under a temporary name beside the target, flushed to disk, then
/// renamed.</summary>
public static partial class AtomicFile
{
    /// <summary>Writes a file through a stream. Missing folders are made.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="write">Writes the content; if it throws, the target stays as it was.</param>
    /// <exception cref="UserException">The file cannot be written (read-only folder, full disk).</exception>
    public static void Write(string path, Action<Stream> write)
    {
        var target = Path.GetFullPath(path);
        var temporary = $"{target}.{Environment.ProcessId}-{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, target, overwrite: true);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            var reason = cause.Message.Replace($" : '{temporary}'", "", StringComparison.Ordinal);
            throw new UserException($"{target}: cannot be written: {reason}; free some space there, or let the folder be written to", cause);
        }
        finally
        {
            if (File.Exists(temporary))
            {
                File.Delete(temporary);
            }
        }
    }

    /// <summary>Deletes what writers left in a folder that were killed.</summary>
    public static void RemoveLeftovers(string folder)
    {
        if (!Directory.Exists(folder))
            return;
        foreach (var file in Directory.EnumerateFiles(folder, "*.tmp"))
            if (Leftover().Match(Path.GetFileName(file)) is { Success: true } match && !IsRunning(match.Groups[1].Value))
                File.Delete(file);
    }

    private static bool IsRunning(string process)
    {
        try
        {
            using var running = System.Diagnostics.Process.GetProcessById(int.Parse(process, System.Globalization.CultureInfo.InvariantCulture));
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"\.(\d{1,9})-[0-9a-f]{32}\.tmp$")]
    private static partial Regex Leftover();

    /// <summary>Writes text in UTF-8 without a byte order mark.</summary>
    public static void WriteText(string path, string text) =>
        Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));
}
