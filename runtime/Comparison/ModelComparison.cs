using MedSegDsl.Runtime.Evaluation;
using MedSegDsl.Runtime.Statistics;

namespace MedSegDsl.Runtime.Comparison;

/// <summary>
/// Models compared by one metric on the same cases. Of a distance, which has no finite value where an object was missed, only
/// the objects count that every model found: else the mean of a model that misses what is difficult would be the best.
/// </summary>
public sealed class ModelComparison
{
    private readonly IReadOnlyDictionary<string, double>[] values;

    /// <summary>Compares.</summary>
    /// <param name="models">The models.</param>
    /// <param name="metric">The metric.</param>
    /// <param name="reference">The name of the model that the others are tested against; null for the best.</param>
    /// <exception cref="UserException">The reference is none of the models.</exception>
    public ModelComparison(IReadOnlyList<ComparedModel> models, Metric metric, string? reference)
    {
        Models = models;
        Metric = metric;
        LeftOut = models.SelectMany(model => model.Infinite(metric)).ToHashSet();
        values = [.. models.Select(model => model.CaseValues(metric, LeftOut))];
        var samples = values.Select(cases => Sample.Of(cases.Values)).ToArray();
        var sign = metric.HigherIsBetter ? 1 : -1;
        Best = Enumerable.Range(0, models.Count).Where(i => samples[i].Count > 0)
            .OrderByDescending(i => sign * samples[i].Mean).Select(i => (int?)i).FirstOrDefault();
        Reference = reference is null ? Best : Find(models, reference);
        var p = Holm.Adjust([.. models.Select((_, i) => Test(i))]);
        Results = [.. models.Select((model, i) => new ModelResult(
            samples[i],
            Bootstrap.OfMean(values[i].OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value)),
            model.OverFolds(metric, LeftOut),
            model.OverSeeds(metric, LeftOut),
            model.Infinite(metric).Count,
            p[i]))];
    }

    /// <summary>The models.</summary>
    public IReadOnlyList<ComparedModel> Models { get; }

    /// <summary>The metric.</summary>
    public Metric Metric { get; }

    /// <summary>The objects, each a case and a class, that some model missed or invented and that no mean contains.</summary>
    public IReadOnlySet<(string Case, string Class)> LeftOut { get; }

    /// <summary>The value of each case of a model.</summary>
    public IReadOnlyDictionary<string, double> CaseValues(int model) => values[model];

    /// <summary>A result for each model.</summary>
    public IReadOnlyList<ModelResult> Results { get; }

    /// <summary>The model with the best mean; null where none has a value.</summary>
    public int? Best { get; }

    /// <summary>The model that the others are tested against.</summary>
    public int? Reference { get; }

    /// <summary>The models with values, ranked on the cases that all of them have; null of fewer than two.</summary>
    public ModelRanks? Ranks()
    {
        int[] there = [.. Enumerable.Range(0, Models.Count).Where(i => values[i].Count > 0)];
        if (there.Length < 2)
            return null;
        string[] cases = [.. values[there[0]].Keys.Where(one => there.All(i => values[i].ContainsKey(one))).Order(StringComparer.Ordinal)];
        var table = RankTable.Of([.. there.Select(i => cases.Select(one => values[i][one]).ToArray())], Metric.HigherIsBetter);
        return new ModelRanks([.. there.Select(i => Models[i].Name)], table);
    }

    /// <summary>The p-value of a model against the reference; NaN for the reference itself and where no case is common.</summary>
    private double Test(int model)
    {
        if (Reference is not { } reference || model == reference)
            return double.NaN;
        string[] cases = [.. values[model].Keys.Where(values[reference].ContainsKey)];
        return cases.Length == 0
            ? double.NaN
            : WilcoxonSignedRank.Compare([.. cases.Select(one => values[model][one])], [.. cases.Select(one => values[reference][one])]).PValue;
    }

    private static int Find(IReadOnlyList<ComparedModel> models, string name)
    {
        for (var i = 0; i < models.Count; i++)
        {
            if (models[i].Name == name)
                return i;
        }

        throw new UserException($"{name}: none of the compared models; they are {string.Join(", ", models.Select(model => model.Name))}");
    }
}

/// <summary>Models ranked by one metric.</summary>
/// <param name="Names">Their names.</param>
/// <param name="Table">Their ranks, in the order of the names.</param>
public sealed record ModelRanks(IReadOnlyList<string> Names, RankTable Table);

/// <summary>What a model comes to by one metric.</summary>
/// <param name="Cases">Over cases.</param>
/// <param name="Interval">The 95 % bootstrap interval of the mean over cases.</param>
/// <param name="Folds">Over the folds' means.</param>
/// <param name="Seeds">Over the seeds' means.</param>
/// <param name="Infinite">Its objects without a finite value.</param>
/// <param name="PValue">Of the signed-rank test against the reference, corrected by Holm for all of them; NaN where there is none.</param>
public sealed record ModelResult(
    Sample Cases, (double Lower, double Upper) Interval, Sample Folds, Sample Seeds, int Infinite, double PValue);
