using System.Globalization;
using Microsoft.Extensions.Logging;

namespace MedSegDsl.Runtime.Logging;

/// <summary>
/// A provider of Microsoft.Extensions.Logging that writes each message as one line; warnings and errors say that they are.
/// </summary>
/// <param name="write">Takes a line without its end.</param>
public sealed class LineLogger(Action<string> write) : ILoggerProvider, ILogger
{
    /// <summary>Lines with their time, appended to a file.</summary>
    /// <param name="path">The file; its folder exists when the first line comes.</param>
    public static LineLogger ToFile(string path) => new(line =>
    {
        var time = DateTime.Now.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
        File.AppendAllText(path, $"{time}  {line}\n");
    });

    /// <summary>Lines as they are, to a console or another writer.</summary>
    /// <param name="output">The writer; flushed after each line.</param>
    public static LineLogger To(TextWriter output) => new(line =>
    {
        output.WriteLine(line);
        output.Flush();
    });

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => this;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => logLevel is >= LogLevel.Information and < LogLevel.None;

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
            return;
        var prefix = logLevel switch
        {
            LogLevel.Warning => "warning: ",
            > LogLevel.Warning => "error: ",
            _ => "",
        };
        write(prefix + formatter(state, exception));
    }

    /// <inheritdoc/>
    public void Dispose() { }
}
