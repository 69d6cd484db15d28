using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>The numbers behind tensors of a PyTorch file: one record of the archive, which several tensors may share.</summary>
/// <param name="Key">The record's name below <c>data/</c>.</param>
/// <param name="Type">The element type; null for bytes that tensors give a type.</param>
/// <param name="Count">Elements, or bytes where there is no type.</param>
internal sealed record TorchStorage(string Key, ScalarType? Type, long Count);

/// <summary>A tensor of a PyTorch file, described and not read yet.</summary>
/// <param name="Storage">The numbers.</param>
/// <param name="Type">The element type.</param>
/// <param name="Offset">Of the first element, in elements.</param>
/// <param name="Shape">Sizes.</param>
/// <param name="Strides">Steps between neighbours, in elements.</param>
internal sealed record TorchTensor(TorchStorage Storage, ScalarType Type, long Offset, long[] Shape, long[] Strides)
{
    /// <summary>The tensor, or null where it would reach beyond its storage.</summary>
    public static TorchTensor? Of(TorchStorage storage, ScalarType type, long offset, long[] shape, long[] strides)
    {
        if (shape.Length != strides.Length || offset < 0 || shape.Any(size => size < 0) || strides.Any(step => step < 0))
        {
            return null;
        }

        var capacity = storage.Type is null ? storage.Count / TensorBytes.ElementSize(type) : storage.Count;
        Int128 last = offset;
        foreach (var (size, step) in shape.Zip(strides))
        {
            last += (Int128)(size - 1) * step;
        }

        var fits = shape.Contains(0) ? offset <= capacity : last < capacity;
        return fits ? new TorchTensor(storage, type, offset, shape, strides) : null;
    }

    /// <summary>Whether another tensor is the same numbers in the same layout.</summary>
    public bool IsSameAs(TorchTensor other) =>
        Storage.Key == other.Storage.Key && Type == other.Type && Offset == other.Offset
        && Shape.SequenceEqual(other.Shape) && Strides.SequenceEqual(other.Strides);
}
