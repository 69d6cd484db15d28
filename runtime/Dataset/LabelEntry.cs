namespace MedSegDsl.Runtime.Dataset;

/// <summary>One entry of <c>labels</c> in dataset.json: a name with a label value, or with the label values
/// of a region.</summary>
/// <param name="Name">The name, such as liver, background or ignore.</param>
/// <param name="Values">The label values, at least one.</param>
/// <param name="IsList">True where dataset.json has a list, even of one value.</param>
public sealed record LabelEntry(string Name, int[] Values, bool IsList)
{
    /// <summary>True for the entry that marks voxels without annotation.</summary>
    public bool IsIgnore => Name == "ignore";

    /// <summary>True where the only label value is 0.</summary>
    public bool IsBackground => Values.All(value => value == 0);
}
