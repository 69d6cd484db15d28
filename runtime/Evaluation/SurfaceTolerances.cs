using System.Globalization;

namespace MedSegDsl.Runtime.Evaluation;

/// <summary>The tolerance of the normalised surface Dice, in mm.</summary>
/// <param name="Default">Of every class that has none of its own.</param>
/// <param name="Own">By class name.</param>
public sealed record SurfaceTolerances(double Default, IReadOnlyDictionary<string, double> Own)
{
    /// <summary>One tolerance for all classes.</summary>
    public static SurfaceTolerances Same(double mm) => new(mm, new Dictionary<string, double>());

    /// <summary>The tolerance of a class.</summary>
    public double Of(string name) => Own.TryGetValue(name, out var mm) ? mm : Default;

    /// <summary>Reads <c>2</c> (every class) and <c>liver=5</c> (one class).</summary>
    /// <param name="words">What the user wrote.</param>
    /// <param name="otherwise">For the classes without one.</param>
    /// <param name="classes">The names that there are.</param>
    /// <exception cref="UserException">A word is neither, a class is unknown, or a tolerance is not a positive length.</exception>
    public static SurfaceTolerances Parse(IEnumerable<string> words, double otherwise, IReadOnlyCollection<string> classes)
    {
        Dictionary<string, double> own = [];
        foreach (var word in words)
        {
            var (name, number) = word.LastIndexOf('=') is var at and >= 0 ? (word[..at], word[(at + 1)..]) : (null, word);
            if (!double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var mm) || !(mm > 0) || !double.IsFinite(mm))
                throw new UserException($"{word} is no tolerance: write millimetres for all classes (2), or for one (liver=5)");
            if (name is null)
                otherwise = mm;
            else if (classes.Contains(name))
                own[name] = mm;
            else
                throw new UserException($"{word}: dataset.json has no class \"{name}\"; it has {string.Join(", ", classes)}");
        }

        return new SurfaceTolerances(otherwise, own);
    }
}
