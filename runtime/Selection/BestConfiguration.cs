using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Evaluation;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Inference;

namespace MedSegDsl.Runtime.Selection;

/// <summary>
/// Chooses on the cross-validation between trained models and ensembles of two, and the post-processing of the best one
/// (nnU-Net v2, evaluation/find_best_configuration.py).
/// </summary>
/// <param name="folders">nnU-Net's folders.</param>
/// <param name="dataset"><c>Dataset901_RealBrain</c>.</param>
/// <param name="folds">The folds that were trained, <c>0</c> to <c>4</c>.</param>
/// <param name="report">Is told what goes on, a line at a time.</param>
public sealed class BestConfiguration(
    NnUNetFolders folders, string dataset, IReadOnlyList<string> folds, Action<string> report)
{
    /// <summary>The file of the choice, in the dataset's folder of results.</summary>
    public const string InformationName = "inference_information.json";

    /// <summary>The file of the commands to run, beside it.</summary>
    public const string InstructionsName = "inference_instructions.txt";

    private readonly string references = ValidationFolds.References(folders, dataset);

    private string Results => Path.Combine(folders.Results, dataset);

    /// <summary>Evaluates, chooses, and writes both files.</summary>
    /// <param name="models">The trained models, in the order in which they win ties.</param>
    /// <param name="allowEnsembles">Whether pairs are tried. They need the probabilities of the validation cases.</param>
    /// <returns>The choice.</returns>
    /// <exception cref="UserException">A model or a fold is missing, or a case cannot be evaluated.</exception>
    public ConfigurationChoice Find(IReadOnlyList<ModelName> models, bool allowEnsembles)
    {
        if (models.Count == 0)
            throw new UserException($"{Results}: no trained models to choose from");
        List<Candidate> candidates = [.. models.Select(model => OfModel(model))];
        if (allowEnsembles)
        {
            for (var i = 0; i < models.Count; i++)
            {
                for (var j = i + 1; j < models.Count; j++)
                {
                    if (OfPair(models[i], models[j]) is { } pair)
                        candidates.Add(pair);
                }
            }
        }

        // NaN (a class that is nowhere) never wins; the first of equals does, which is the simpler one.
        var best = candidates.Aggregate((chosen, other) => other.Dice > chosen.Dice || double.IsNaN(chosen.Dice) ? other : chosen);
        report($"best: {best.Identifier}, mean foreground Dice {best.Dice:F4}; looking for post-processing");
        var json = DatasetJson.ReadFrom(best.Folder);
        new PostprocessingSearch(
            best.Folder, references, new EvaluationTargets(json.LabelManager), ImageReaders.For(json, null), json.FileEnding).Run();
        var after = JsonFields.Read(Path.Combine(best.Folder, "postprocessed", "summary.json"));
        var choice = new ConfigurationChoice(
            dataset, folds, models, allowEnsembles, candidates, best, after.Object("foreground_mean").Number("Dice"))
        {
            FirstStages = best.Models.ToDictionary(model => model, FirstStage),
        };
        PythonJson.Write(Path.Combine(Results, InformationName), choice.ToJson());
        AtomicFile.WriteText(Path.Combine(Results, InstructionsName), choice.Instructions());
        return choice;
    }

    private string? FirstStage(ModelName model)
    {
        var plans = PythonJson.Read(Path.Combine(Results, model.Identifier, "plans.json"));
        return plans?["configurations"]?[model.Configuration]?["previous_stage"]?.GetValue<string>();
    }

    private Candidate OfModel(ModelName model)
    {
        var folder = Path.Combine(Results, model.Identifier);
        if (!Directory.Exists(folder))
            throw new UserException($"{folder}: no such folder; train this model, or leave it out");
        var output = Path.Combine(folder, ValidationFolds.FolderName(folds));
        return Scored(model.Identifier, output, [model], CrossValidation.Accumulate(folder, output, folds, references));
    }

    private Candidate? OfPair(ModelName first, ModelName second)
    {
        var identifier = string.Join("___", "ensemble", first.Identifier, second.Identifier, ValidationFolds.Joined(folds));
        var output = Path.Combine(Results, "ensembles", identifier);
        EnsembleMember[] members = [Validated(first), Validated(second)];
        if (members.FirstOrDefault(member => !member.IsComplete) is { } lacking)
        {
            report($"{identifier} is left out: {lacking.Folder} lacks the probabilities (.npz) of validation cases; "
                + "train its folds with --continue --save-probabilities, which validates them again");
            return null;
        }

        var failures = Ensemble.Write(members, output, saveProbabilities: false);
        if (failures.Count > 0)
            throw new UserException(failures[0]);
        var json = DatasetJson.ReadFrom(output);
        return Scored(identifier, output, [first, second], CrossValidation.Evaluate(json, output, references, null));
    }

    private EnsembleMember Validated(ModelName model)
    {
        var folder = Path.Combine(Results, model.Identifier);
        return new EnsembleMember(
            folder,
            ValidationFolds.Files(folder, folds, ".npz"),
            ValidationFolds.Files(folder, folds, DatasetJson.ReadFrom(folder).FileEnding));
    }

    private Candidate Scored(string identifier, string folder, IReadOnlyList<ModelName> models, FolderEvaluationResult result)
    {
        // Means over different cases cannot be compared.
        if (result.Failures.Count > 0)
            throw new UserException(result.Failures[0]);
        var dice = result.Summary!.ForegroundMean.Dice;
        report($"{identifier}: {dice:F4}");
        return new Candidate(identifier, folder, models, dice);
    }
}

/// <summary>A model or an ensemble that was evaluated.</summary>
/// <param name="Identifier">nnU-Net's name of it.</param>
/// <param name="Folder">Its predictions of all validation cases.</param>
/// <param name="Models">One, or the two of an ensemble.</param>
/// <param name="Dice">The mean foreground Dice.</param>
public sealed record Candidate(string Identifier, string Folder, IReadOnlyList<ModelName> Models, double Dice);

/// <summary>What was chosen, and how to predict with it.</summary>
/// <param name="Dataset">The dataset.</param>
/// <param name="Folds">The folds that predict.</param>
/// <param name="Considered">The models that were candidates.</param>
/// <param name="EnsemblesAllowed">Whether pairs were tried.</param>
/// <param name="Candidates">All results.</param>
/// <param name="Best">The best.</param>
/// <param name="DiceAfter">Its mean foreground Dice after post-processing.</param>
public sealed record ConfigurationChoice(
    string Dataset,
    IReadOnlyList<string> Folds,
    IReadOnlyList<ModelName> Considered,
    bool EnsemblesAllowed,
    IReadOnlyList<Candidate> Candidates,
    Candidate Best,
    double DiceAfter)
{
    private const string FirstStageOutput = "OUTPUT_FOLDER_PREV_STAGE";

    /// <summary>The first stage of each of the best models that is the second of a cascade; else null.</summary>
    public IReadOnlyDictionary<ModelName, string?> FirstStages { get; init; } = new Dictionary<ModelName, string?>();

    /// <summary>The post-processing of the best one.</summary>
    public string PostprocessingFile => Path.Combine(Best.Folder, Postprocessing.PickleName);

    /// <summary>nnU-Net's inference_information.json.</summary>
    public JsonObject ToJson() => new()
    {
        ["folds"] = new JsonArray([.. Folds.Select(fold => int.TryParse(fold, out var number) ? (JsonNode)number : fold)]),
        ["dataset_name_or_id"] = Dataset,
        ["considered_models"] = new JsonArray([.. Considered.Select(model => ToJson(model, "plans"))]),
        ["ensembling_allowed"] = EnsemblesAllowed,
        ["all_results"] = new JsonObject(Candidates.Select(one => KeyValuePair.Create(one.Identifier, (JsonNode?)one.Dice))),
        ["best_model_or_ensemble"] = new JsonObject
        {
            ["result_on_crossval_pre_pp"] = Best.Dice,
            ["result_on_crossval_post_pp"] = DiceAfter,
            ["postprocessing_file"] = PostprocessingFile,
            ["some_plans_file"] = Path.Combine(Best.Folder, "plans.json"),
            ["selected_model_or_models"] = new JsonArray([.. Best.Models.Select(model => ToJson(model, "plans_identifier"))]),
        },
    };

    /// <summary>The commands that predict new images with the choice.</summary>
    public string Instructions()
    {
        var isEnsemble = Best.Models.Count > 1;
        string[] outputs = isEnsemble ? [.. Best.Models.Select((_, i) => $"OUTPUT_FOLDER_MODEL_{i + 1}")] : ["OUTPUT_FOLDER"];
        List<string> lines =
        [
            "***Run inference like this:***",
            "",
            .. Best.Models.Zip(outputs).SelectMany(pair => Predict(pair.First, pair.Second, isEnsemble)),
        ];
        if (isEnsemble)
            lines.AddRange(["", "***Average the two predictions:***", "", $"medseg ensemble -i {string.Join(' ', outputs)} -o OUTPUT_FOLDER"]);
        lines.AddRange(
        [
            "",
            "***Once inference is completed, run postprocessing like this:***",
            "",
            $"medseg apply-postprocessing -i OUTPUT_FOLDER -o OUTPUT_FOLDER_PP -pp_pkl_file {PostprocessingFile}",
            "",
        ]);
        return string.Join('\n', lines);
    }

    /// <summary>One command, or the two of a cascade.</summary>
    private IEnumerable<string> Predict(ModelName model, string output, bool saveProbabilities)
    {
        if (FirstStages.GetValueOrDefault(model) is not { } stage)
            return [Command(model, output, saveProbabilities)];
        return
        [
            Command(model with { Configuration = stage }, FirstStageOutput, saveProbabilities: false),
            $"{Command(model, output, saveProbabilities)} -prev_stage_predictions {FirstStageOutput}",
        ];
    }

    private string Command(ModelName model, string output, bool saveProbabilities)
    {
        var (program, word) = model.Network is { } network
            ? ("medseg predict", $"-n {network}")
            : ("nnUNetv2_predict", $"-tr {model.Trainer}");
        return $"{program} -d {Dataset} -i INPUT_FOLDER -o {output} -f {string.Join(' ', Folds)} {word} "
            + $"-c {model.Configuration} -p {model.Plans}{(saveProbabilities ? " --save_probabilities" : "")}";
    }

    private static JsonObject ToJson(ModelName model, string plansKey) => new()
    {
        [plansKey] = model.Plans,
        ["configuration"] = model.Configuration,
        ["trainer"] = model.Trainer,
    };
}
