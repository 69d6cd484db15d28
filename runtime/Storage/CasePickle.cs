using System.Text.Json.Nodes;
using MedSegDsl.Models;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Preprocessing;
using MedSegDsl.Runtime.Training.Sampling;

namespace MedSegDsl.Runtime.Storage;

/// <summary>
/// The properties of a preprocessed case as nnU-Net v2 stores them, CASE.pkl: what was done to it, and where the voxels of
/// each class lie. Reading runs nothing of what the pickle names.
/// </summary>
internal static class CasePickle
{
    /// <summary>The ending of its files.</summary>
    public const string Ending = ".pkl";

    /// <summary>Axes of a location in nnU-Net's tables: channel, z, y, x.</summary>
    private const int Columns = 4;

    /// <summary>Writes a file, whole or not at all.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="properties">What was done to the case.</param>
    /// <param name="locations">Voxels to centre patches on.</param>
    /// <param name="origin">Where the case comes from; null leaves that out.</param>
    /// <exception cref="UserException">The file cannot be written.</exception>
    public static void Write(
        string path, CaseProperties properties, IReadOnlyList<ClassLocations> locations, CaseOrigin? origin) =>
        AtomicFile.Write(path, stream =>
        {
            PickleWriter pickle = new(stream);
            List<(string, Action)> entries = [];
            if (origin?.SimpleItk is { } itk)
                entries.Add(("sitk_stuff", () => pickle.Json(itk)));
            if (origin?.Affines is { Count: > 0 } affines)
                entries.Add(("nibabel_stuff", () => pickle.Dictionary(affines.Select(entry => (entry.Name, (Action)(() =>
                    NumpyPickle.Array<double>(pickle, [4, 4], [.. entry.Affine.Cast<double>()])))))));
            entries.Add(("spacing", () => pickle.Json(PythonJson.List(properties.Spacing))));
            entries.Add(("shape_before_cropping", () => pickle.Tuple(Wholes(properties.ShapeBeforeCropping))));
            entries.Add(("bbox_used_for_cropping", () => pickle.Json(new JsonArray([.. properties.CropBox.Select(PythonJson.List)]))));
            entries.Add((
                "shape_after_cropping_and_before_resampling", () => pickle.Tuple(Wholes(properties.ShapeBeforeResampling))));
            entries.Add(("class_locations", () => pickle.Mapping(locations.Select(entry => (
                (Action)(() => WriteKey(pickle, entry.Labels)), (Action)(() => WriteVoxels(pickle, entry.Voxels.Span)))))));
            pickle.Begin();
            pickle.Dictionary(entries);
            pickle.End();
        });

    /// <summary>Writes the properties of a prediction beside its probabilities, where nnUNetv2_ensemble looks for
    /// them.</summary>
    public static void WriteBeside(string probabilityFile, CaseProperties properties, CaseOrigin origin) =>
        Write(Path.ChangeExtension(probabilityFile, Ending), properties, [], origin);

    /// <summary>Reads a file.</summary>
    /// <exception cref="UserException">It is missing, damaged, or no properties of a case.</exception>
    public static (CaseProperties Properties, IReadOnlyList<ClassLocations> Locations) Read(string path)
    {
        try
        {
            var bytes = File.ReadAllBytes(path);
            var read = new PickleReader(bytes, _ => throw new InvalidDataException("it refers to something outside")).Read();
            var fields = read as PickleDictionary ?? throw new InvalidDataException("it is no dictionary");
            var properties = new CaseProperties(
                Numbers(fields, "spacing"),
                [.. Numbers(fields, "shape_before_cropping").Select(Convert.ToInt32)],
                [.. Items(fields, "bbox_used_for_cropping").Select(axis => Numbers(axis, "bbox_used_for_cropping").Select(Convert.ToInt32).ToArray())],
                [.. Numbers(fields, "shape_after_cropping_and_before_resampling").Select(Convert.ToInt32)]);
            return (properties, fields["class_locations"] is PickleDictionary classes
                ? [.. classes.Items.Select(entry => new ClassLocations(Labels(entry.Key), Voxels(entry.Value)))]
                : []);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException or InvalidDataException or OverflowException)
        {
            throw new UserException($"{path}: cannot be read as the properties of a case; preprocess it again: {cause.Message}", cause);
        }
    }

    private static IEnumerable<long> Wholes(int[] values) => values.Select(value => (long)value);

    private static void WriteKey(PickleWriter pickle, IReadOnlyList<int> labels)
    {
        if (labels is [var label])
            pickle.Whole(label);
        else
            pickle.Tuple(labels.Select(l => (long)l));
    }

    private static void WriteVoxels(PickleWriter pickle, ReadOnlySpan<int> voxels)
    {
        if (voxels.IsEmpty)
        {
            pickle.Json(new JsonArray());
            return;
        }

        var rows = voxels.Length / 3;
        var table = new long[rows * Columns];
        for (var row = 0; row < rows; row++)
            for (var axis = 0; axis < 3; axis++)
                table[row * Columns + 1 + axis] = voxels[row * 3 + axis];
        NumpyPickle.Array<long>(pickle, [rows, Columns], table);
    }

    private static int[] Labels(object? key) => key switch
    {
        PickleTuple region => [.. region.Items.Select(label => (int)Number(label, "class_locations"))],
        _ => [(int)Number(key, "class_locations")],
    };

    private static int[] Voxels(object? value)
    {
        if (value is List<object?> { Count: 0 })
            return [];
        if (NumpyPickle.Table(value) is not { Columns: Columns } table)
            throw Wrong("class_locations");
        var voxels = new int[table.Rows * 3];
        for (var row = 0; row < table.Rows; row++)
            for (var axis = 0; axis < 3; axis++)
                voxels[row * 3 + axis] = (int)table.Values[row * Columns + 1 + axis];
        return voxels;
    }

    private static IReadOnlyList<object?> Items(PickleDictionary fields, string name) => Items(fields[name], name);

    private static IReadOnlyList<object?> Items(object? value, string name) => value switch
    {
        PickleTuple tuple => tuple.Items,
        List<object?> list => list,
        _ => throw Wrong(name),
    };

    private static double[] Numbers(PickleDictionary fields, string name) => Numbers(fields[name], name);

    private static double[] Numbers(object? value, string name) => [.. Items(value, name).Select(item => Number(item, name))];

    private static double Number(object? value, string name) => NumpyPickle.Number(value) ?? throw Wrong(name);

    private static InvalidDataException Wrong(string name) => new($"its \"{name}\" is missing or of another form");
}
