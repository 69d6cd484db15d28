namespace MedSegDsl.Runtime.Training.Progress;

/// <summary>What a training is about to do.</summary>
/// <param name="Title">Dataset, configuration, fold.</param>
/// <param name="Network">The network's name.</param>
/// <param name="Parameters">The number of trainable numbers.</param>
/// <param name="Patch">Voxels along z, y, x.</param>
/// <param name="Batch">Patches in a batch.</param>
/// <param name="TrainingCases">Cases that train.</param>
/// <param name="ValidationCases">Cases that validate.</param>
/// <param name="Device">Where it runs: <c>CPU, 2 threads</c>.</param>
/// <param name="Classes">Names of the foreground classes or regions.</param>
/// <param name="DoneEpochs">Epochs that an earlier run did.</param>
/// <param name="Epochs">Epochs in all.</param>
/// <param name="Folder">Where the results go.</param>
public sealed record TrainingOverview(
    string Title,
    string Network,
    long Parameters,
    IReadOnlyList<int> Patch,
    int Batch,
    int TrainingCases,
    int ValidationCases,
    string Device,
    IReadOnlyList<string> Classes,
    int DoneEpochs,
    int Epochs,
    string Folder)
{
    /// <summary>The overview in lines of text.</summary>
    public IReadOnlyList<string> Lines =>
    [
        $"{Title}: {Network}, {Parameters:N0} parameters, patch {string.Join("×", Patch)}, batch {Batch}, {Device}",
        $"{TrainingCases} cases train, {ValidationCases} validate; epochs {DoneEpochs + 1} to {Epochs}; results in {Folder}",
    ];
}
