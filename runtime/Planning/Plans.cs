using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Planning;

/// <summary>A plans file (nnUNetPlans.json) as nnU-Net 2.8 writes it. Keys that are not known here are
/// kept.</summary>
public sealed class Plans
{
    private readonly JsonFields fields;

    /// <summary>Plans from their JSON.</summary>
    /// <param name="json">The content.</param>
    /// <param name="source">The file, for errors.</param>
    /// <exception cref="UserException">A key is missing or wrong.</exception>
    public Plans(JsonObject json, string source)
    {
        fields = new JsonFields(json, source);
        DatasetName = fields.Text("dataset_name");
        PlansName = fields.Text("plans_name");
        OriginalMedianSpacing = fields.Numbers("original_median_spacing_after_transp");
        OriginalMedianShape = fields.Wholes("original_median_shape_after_transp");
        ImageReaderWriter = fields.Text("image_reader_writer");
        TransposeForward = fields.Wholes("transpose_forward");
        TransposeBackward = fields.Wholes("transpose_backward");
        IntensityProperties = Planning.IntensityProperties.AllFrom(fields);
        ConfigurationNames = [.. fields.Object("configurations").Json.Select(pair => pair.Key)];
    }

    /// <summary>The content.</summary>
    public JsonObject Json => fields.Json;

    /// <summary>The dataset: <c>Dataset901_RealBrain</c>.</summary>
    public string DatasetName { get; }

    /// <summary>The plans: <c>nnUNetPlans</c>.</summary>
    public string PlansName { get; }

    /// <summary>Median spacing of the training cases in mm, transposed.</summary>
    public double[] OriginalMedianSpacing { get; }

    /// <summary>Median shape of the cropped training cases before resampling, transposed.</summary>
    public int[] OriginalMedianShape { get; }

    /// <summary>The reader of images, by nnU-Net's class name: NibabelIO, SimpleITKIO, ...</summary>
    public string ImageReaderWriter { get; }

    /// <summary>Axis i of the plans is axis TransposeForward[i] of the file (z, y, x).</summary>
    public int[] TransposeForward { get; }

    /// <summary>The inverse of <see cref="TransposeForward"/>.</summary>
    public int[] TransposeBackward { get; }

    /// <summary>Foreground statistics of each channel, for CT normalization.</summary>
    public IReadOnlyList<IntensityProperties> IntensityProperties { get; }

    /// <summary>The configurations in file order.</summary>
    public IReadOnlyList<string> ConfigurationNames { get; }

    /// <summary>Reads a plans file.</summary>
    /// <exception cref="UserException">The file is missing or wrong.</exception>
    public static Plans Read(string path)
    {
        var file = JsonFields.Read(path);
        return new Plans(file.Json, file.Source);
    }

    /// <summary>Reads the plans of a dataset.</summary>
    /// <param name="preprocessedDatasetFolder">nnUNet_preprocessed/DatasetNNN_Name.</param>
    /// <param name="plansName">The name without <c>.json</c>.</param>
    /// <exception cref="UserException">The file is missing or wrong.</exception>
    public static Plans ReadFrom(string preprocessedDatasetFolder, string plansName)
    {
        var path = Path.Combine(preprocessedDatasetFolder, plansName + ".json");
        return File.Exists(path) ? Read(path) : throw new UserException($"{path}: no such file; plan the dataset first");
    }

    /// <summary>Writes the file as nnU-Net does.</summary>
    public void Write(string path) => PythonJson.Write(path, Json);

    /// <summary>A configuration, with what it inherits filled in: the parent's keys, overwritten by its
    /// own.</summary>
    /// <exception cref="UserException">There is no such configuration, or it inherits from
    /// itself.</exception>
    public PlansConfiguration Configuration(string name) =>
        new(name, new JsonFields(Resolve(name, []), $"{fields.Source}: configurations.{name}"));

    private JsonObject Resolve(string name, List<string> children)
    {
        var configurations = fields.Object("configurations");
        if (!configurations.Has(name))
            throw new UserException(
                $"{fields.Source}: no configuration \"{name}\"; there are {string.Join(", ", ConfigurationNames)}");
        if (children.Contains(name))
            throw new UserException($"{fields.Source}: configuration \"{name}\" inherits from itself");
        var own = configurations.Object(name);
        if (own.OptionalText("inherits_from") is not { } parent)
            return own.Json;
        JsonObject result = (JsonObject)Resolve(parent, [.. children, name]).DeepClone();
        foreach (var (key, value) in own.Json)
        {
            if (key != "inherits_from")
                result[key] = value?.DeepClone();
        }

        return result;
    }
}
