using System.Text.RegularExpressions;
using MedSegDsl.Runtime.Dataset;

namespace MedSegDsl.Runtime.Inference;

/// <summary>The cases that a user wants predicted: a folder of images, or one image.</summary>
public static partial class InputCases
{
    /// <summary>Finds the cases.</summary>
    /// <param name="input">
    /// A folder of files <c>CASE_0000.nii.gz</c>; or one such file, whose other channels lie beside it; or, for a model of
    /// one channel, a file of any name.
    /// </param>
    /// <param name="dataset">The model's dataset.json.</param>
    /// <exception cref="UserException">There is nothing to predict.</exception>
    public static IReadOnlyList<CaseFiles> In(string input, DatasetJson dataset)
    {
        if (File.Exists(input))
            return [Single(input, dataset)];
        if (!Directory.Exists(input))
            throw new UserException($"{input}: no such file or folder");
        var cases = CaseList.ImagesIn(input, dataset.FileEnding);
        return cases.Count > 0
            ? cases
            : throw new UserException($"{input}: no images; files named CASE_0000{dataset.FileEnding} are expected there");
    }

    /// <summary>Checks that a case has exactly the channels of the model.</summary>
    /// <exception cref="UserException">A channel is missing, or there are more than the model takes.</exception>
    public static void CheckChannels(CaseFiles files, DatasetJson dataset)
    {
        var folder = Path.GetDirectoryName(files.Images[0]);
        for (var channel = 0; channel < dataset.ChannelNames.Count; channel++)
        {
            var name = $"{files.Id}_{channel:0000}{dataset.FileEnding}";
            var isThere = files.Images.Any(path => Path.GetFileName(path) == name)
                || dataset.ChannelNames.Count == 1 && !ChannelNumber().IsMatch(Stem(files.Images[0], dataset));
            if (!isThere)
                throw new UserException($"{name}: the image of channel {channel} ({dataset.ChannelNames[channel]}) is missing in {folder}");
        }

        if (files.Images.Count > dataset.ChannelNames.Count)
        {
            throw new UserException($"{files.Id}: {files.Images.Count} images in {folder}, but the model takes "
                + $"{dataset.ChannelNames.Count} ({string.Join(", ", dataset.ChannelNames)})");
        }
    }

    private static CaseFiles Single(string path, DatasetJson dataset)
    {
        if (!path.EndsWith(dataset.FileEnding, StringComparison.Ordinal))
            throw new UserException($"{path}: the model takes files ending in {dataset.FileEnding}");
        var stem = Stem(path, dataset);
        if (!ChannelNumber().IsMatch(stem))
            return new CaseFiles(stem, [path], null);
        var id = stem[..^5];
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        return new CaseFiles(
            id,
            [
                .. Directory.EnumerateFiles(folder, "*" + dataset.FileEnding)
                    .Where(file => Stem(file, dataset) is var other && other.Length == stem.Length
                        && other.StartsWith(id, StringComparison.Ordinal) && ChannelNumber().IsMatch(other))
                    .Order(StringComparer.Ordinal),
            ],
            null);
    }

    private static string Stem(string path, DatasetJson dataset) => Path.GetFileName(path)[..^dataset.FileEnding.Length];

    [GeneratedRegex(@"._\d{4}$")]
    private static partial Regex ChannelNumber();
}
