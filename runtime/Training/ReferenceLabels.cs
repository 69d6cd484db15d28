using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Preprocessing;
using MedSegDsl.Runtime.Storage;

namespace MedSegDsl.Runtime.Training;

/// <summary>The label maps that the final validation compares with.</summary>
internal static class ReferenceLabels
{
    /// <summary>The file of each case: the copy beside the preprocessed data, where nnU-Net looks for it, else that of the raw
    /// dataset.</summary>
    /// <param name="cases">The validation cases.</param>
    /// <param name="preprocessed">nnUNet_preprocessed/DatasetNNN_Name.</param>
    /// <param name="dataset">Its dataset.json.</param>
    /// <param name="raw">Gives nnUNet_raw/DatasetNNN_Name, where it is needed.</param>
    /// <exception cref="UserException">A case has none, or there is no raw dataset to look in.</exception>
    public static IReadOnlyDictionary<string, string> Of(
        IEnumerable<StoredCase> cases, string preprocessed, DatasetJson dataset, Func<string> raw)
    {
        string[] ids = [.. cases.Select(c => c.Id)];
        var copies = Path.Combine(preprocessed, GroundTruth.FolderName);
        var files = ids.ToDictionary(id => id, id => Path.Combine(copies, id + dataset.FileEnding));
        if (files.Values.All(File.Exists))
            return files;
        var folder = raw();
        var labels = CaseList.Training(folder, dataset).ToDictionary(listed => listed.Id, listed => listed.Label);
        foreach (var id in ids.Where(id => !File.Exists(files[id])))
            files[id] = labels.GetValueOrDefault(id) is { } label && File.Exists(label)
                ? label
                : throw new UserException($"{folder}: the label map of the validation case {id} is not there, nor in {copies}");
        return files;
    }
}
