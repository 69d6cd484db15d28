using System.Globalization;

namespace MedSegDsl.Runtime.Evaluation;

/// <summary>What one row of an evaluation is about: a label, or a region made of several labels.</summary>
public sealed class LabelOrRegion : IEquatable<LabelOrRegion>
{
    private LabelOrRegion(int[] labels, bool isRegion, string? name)
    {
        Labels = labels;
        IsRegion = isRegion;
        Key = isRegion
            ? $"({string.Join(", ", labels)}{(labels.Length == 1 ? "," : "")})"
            : labels[0].ToString(CultureInfo.InvariantCulture);
        Name = name ?? Key;
    }

    /// <summary>The labels whose voxels belong to it.</summary>
    public IReadOnlyList<int> Labels { get; }

    /// <summary>Whether dataset.json gives it as a list of labels, be it a list of one.</summary>
    public bool IsRegion { get; }

    /// <summary>How nnU-Net writes it in JSON: <c>2</c>, <c>(1, 2, 3)</c>, <c>(3,)</c>.</summary>
    public string Key { get; }

    /// <summary>Its name in dataset.json, else the key.</summary>
    public string Name { get; }

    /// <summary>A single label.</summary>
    public static LabelOrRegion Label(int label, string? name = null) => new([label], false, name);

    /// <summary>A region.</summary>
    public static LabelOrRegion Region(IEnumerable<int> labels, string? name = null) => new([.. labels], true, name);

    /// <inheritdoc />
    public bool Equals(LabelOrRegion? other) => other is not null && other.Key == Key;

    /// <inheritdoc />
    public override bool Equals(object? obj) => Equals(obj as LabelOrRegion);

    /// <inheritdoc />
    public override int GetHashCode() => Key.GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc />
    public override string ToString() => Key;
}
