using System.Text.Json.Nodes;
using MedSegDsl.Models;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Evaluation;

/// <summary>The steps of post-processing that were accepted for a model, in order: nnU-Net's postprocessing.json.</summary>
/// <param name="Steps">Applied one after the other.</param>
public sealed record Postprocessing(IReadOnlyList<LargestComponent> Steps)
{
    /// <summary>The file's name.</summary>
    public const string FileName = "postprocessing.json";

    /// <summary>The name of the file that nnU-Net applies.</summary>
    public const string PickleName = "postprocessing.pkl";

    private const string PythonModule = "nnunetv2.postprocessing.remove_connected_components";

    /// <summary>
    /// Reads the steps of a postprocessing.json, this program's or nnU-Net's; of a .pkl, those of the .json that both write beside it.
    /// </summary>
    /// <exception cref="UserException">The file is missing or wrong, or has a step of another kind.</exception>
    public static Postprocessing Read(string path)
    {
        if (Path.GetExtension(path) == Path.GetExtension(PickleName))
            path = Path.ChangeExtension(path, Path.GetExtension(FileName));
        var fields = JsonFields.Read(path);
        var functions = fields.Texts("postprocessing_fns");
        if (functions.FirstOrDefault(name => name != LargestComponent.FunctionName) is { } unknown)
            throw new UserException($"{path}: no step \"{unknown}\"; there is {LargestComponent.FunctionName}");
        var arguments = fields.Node("postprocessing_kwargs") as JsonArray ?? throw fields.Wrong("postprocessing_kwargs", "a list");
        if (arguments.Count != functions.Length)
            throw fields.Wrong("postprocessing_kwargs", $"a list of {functions.Length}, one for each step");
        return new Postprocessing(
            [.. arguments.Select(one => LargestComponent.FromJson((one as JsonObject)?["labels_or_regions"], path))]);
    }

    /// <summary>Applies the steps to a label map.</summary>
    public ImageArray<short> Apply(ImageArray<short> labels) =>
        Steps.Aggregate(labels, (map, step) => step.Apply(map));

    /// <summary>Applies the steps to every label map of a folder. A file that fails does not stop the others.</summary>
    /// <param name="inputFolder">Label maps.</param>
    /// <param name="outputFolder">Where they go, under the same names.</param>
    /// <param name="reader">Reads and writes them.</param>
    /// <param name="fileEnding">Their ending, with its dot.</param>
    /// <returns>One line for each file that failed.</returns>
    /// <exception cref="UserException">The input folder is missing.</exception>
    public IReadOnlyList<string> ApplyToFolder(string inputFolder, string outputFolder, IImageReader reader, string fileEnding)
    {
        var names = LabelMapFiles.In(inputFolder, fileEnding);
        var failures = new string?[names.Count];
        Parallel.For(0, names.Count, i =>
        {
            try
            {
                var (voxels, geometry) = reader.ReadLabels(Path.Combine(inputFolder, names[i]));
                reader.WriteLabels(Path.Combine(outputFolder, names[i]), Apply(voxels), geometry);
            }
            catch (UserException cause)
            {
                failures[i] = cause.Message;
            }
        });
        return [.. failures.OfType<string>()];
    }

    /// <summary>Writes postprocessing.pkl, from which nnUNetv2_apply_postprocessing takes the steps: its functions by name and
    /// their arguments.</summary>
    public void WritePickle(string path) => AtomicFile.Write(path, stream =>
    {
        PickleWriter pickle = new(stream);
        pickle.Begin();
        pickle.Write(PickleOpcode.Mark);
        pickle.List(Steps.Select(_ => (Action)(() => pickle.Global(PythonModule, LargestComponent.FunctionName))));
        pickle.Json(Arguments());
        pickle.Write(PickleOpcode.Tuple);
        pickle.End();
    });

    /// <summary>The content of postprocessing.json.</summary>
    /// <param name="before">The evaluation without the steps.</param>
    /// <param name="after">The evaluation with them.</param>
    public JsonObject ToJson(EvaluationSummary before, EvaluationSummary after) => new()
    {
        ["input_folder"] = before.MeansToJson(),
        ["postprocessed"] = after.MeansToJson(),
        ["postprocessing_fns"] = PythonJson.List(Steps.Select(_ => LargestComponent.FunctionName)),
        ["postprocessing_kwargs"] = Arguments(),
    };

    private JsonArray Arguments() => new([.. Steps.Select(step => new JsonObject { ["labels_or_regions"] = step.ToJson() })]);
}
