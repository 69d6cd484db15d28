using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Planning;

/// <summary>How arrays are brought to another shape: the keyword arguments of
/// resample_data_or_seg_to_shape.</summary>
/// <param name="Function">The name of the rule; nnU-Net's planners write
/// resample_data_or_seg_to_shape.</param>
/// <param name="IsSegmentation">True for label maps, which are resampled label by label.</param>
/// <param name="Order">Spline order: 0, 1 or 3.</param>
/// <param name="OrderZ">Spline order along a low-resolution axis that is treated separately.</param>
/// <param name="ForceSeparateZ">Treat the low-resolution axis separately: always, never, or (null) by its
/// spacing.</param>
public sealed record ResamplingSettings(string Function, bool IsSegmentation, int Order, int OrderZ, bool? ForceSeparateZ)
{
    /// <summary>The name that nnU-Net's planners write.</summary>
    public const string DefaultFunction = "resample_data_or_seg_to_shape";

    /// <summary>Order 3, along a separate axis 0.</summary>
    public static ResamplingSettings DefaultData { get; } = new(DefaultFunction, false, 3, 0, null);

    /// <summary>Order 1 for each label, along a separate axis 0.</summary>
    public static ResamplingSettings DefaultSegmentation { get; } = new(DefaultFunction, true, 1, 0, null);

    /// <summary>Order 1, along a separate axis 0.</summary>
    public static ResamplingSettings DefaultProbabilities { get; } = new(DefaultFunction, false, 1, 0, null);

    /// <summary>Reads the settings of a configuration.</summary>
    /// <param name="fields">The configuration.</param>
    /// <param name="function">The key of the function; its arguments are under the same key with
    /// <c>_kwargs</c>.</param>
    public static ResamplingSettings From(JsonFields fields, string function)
    {
        var settings = fields.Object(function + "_kwargs");
        return new(
            fields.Text(function),
            settings.Has("is_seg") && settings.Flag("is_seg"),
            settings.Has("order") ? settings.Whole("order") : 3,
            settings.Has("order_z") ? settings.Whole("order_z") : 0,
            settings.Has("force_separate_z") ? settings.Flag("force_separate_z") : null);
    }

    /// <summary>The keyword arguments as nnU-Net writes them.</summary>
    public JsonObject ToJson() => new()
    {
        ["is_seg"] = IsSegmentation,
        ["order"] = Order,
        ["order_z"] = OrderZ,
        ["force_separate_z"] = ForceSeparateZ,
    };
}
