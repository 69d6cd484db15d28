using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>Shows a watcher every parameter that a forward pass on this thread uses, in order, each time that it is used.</summary>
public sealed class ParameterUse : IDisposable
{
    [ThreadStatic]
    private static ParameterUse? current;

    private readonly Func<Tensor, Tensor> watcher;
    private readonly ParameterUse? former;

    private ParameterUse(Func<Tensor, Tensor> watcher)
    {
        this.watcher = watcher;
        former = current;
        current = this;
    }

    /// <summary>Watches until the result is disposed.</summary>
    /// <param name="watcher">Gets the parameter as the module holds it, and gives what is used instead: most often itself.</param>
    public static ParameterUse Watch(Func<Tensor, Tensor> watcher) => new(watcher);

    /// <inheritdoc/>
    public void Dispose() => current = former;

    internal static Tensor Of(Tensor parameter) => current is { } use ? use.watcher(parameter) : parameter;
}
