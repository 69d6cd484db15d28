using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A layer under one more name, where published state dicts have a container around it (MONAI calls the convolution inside
/// <c>conv1</c> <c>conv1.conv</c>).
/// </summary>
public sealed class Nested : Layer<Tensor, Tensor>
{
    private readonly Layer<Tensor, Tensor> layer;

    /// <summary>A container of one layer.</summary>
    public Nested(string name, Layer<Tensor, Tensor> layer) : base(nameof(Nested)) => this.layer = Add(name, layer);

    /// <inheritdoc />
    public override Tensor forward(Tensor input) => layer.call(input);
}
