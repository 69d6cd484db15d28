using MedSegDsl.Models;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Distributed;
using MedSegDsl.Runtime.Training.Augmentations;
using MedSegDsl.Runtime.Training.Loading;

namespace MedSegDsl.Runtime.Training;

/// <summary>Everything that one training needs, resolved: an experiment for one fold and one seed.</summary>
public sealed record TrainingSetup
{
    /// <summary>The experiment.</summary>
    public required Experiment Experiment { get; init; }

    /// <summary>The experiment as JSON, for the checkpoints.</summary>
    public required string ExperimentJson { get; init; }

    /// <summary>What identifies the training in its folder and checkpoints.</summary>
    public required TrainingIdentity Identity { get; init; }

    /// <summary>The network's definition, with the plans' sizes.</summary>
    public required Network Definition { get; init; }

    /// <summary>The network, on the device. The trainer changes its weights; it does not dispose it.</summary>
    public required SegmentationNetwork Network { get; init; }

    /// <summary>The dataset's classes or regions.</summary>
    public required LabelManager Labels { get; init; }

    /// <summary>Dice over the whole batch, as the plans say.</summary>
    public required bool BatchDice { get; init; }

    /// <summary>Voxels of a patch along z, y, x; one slice in 2D.</summary>
    public required IReadOnlyList<int> Patch { get; init; }

    /// <summary>Voxels that are cut from an image along z, y, x so that the patch remains after augmentation.</summary>
    public IReadOnlyList<int> InitialPatch => [.. Patch.Take(InFront), .. Augmentation.InitialPatch];

    /// <summary>The axes (0 = z) that prediction may mirror.</summary>
    public IReadOnlyList<int> MirrorAxes => [.. Augmentation.MirrorAxes.Select(axis => axis + InFront)];

    /// <summary>Patches in a batch, those of all processes together.</summary>
    public required int Batch { get; init; }

    /// <summary>The processes that train together; each takes its part of every batch.</summary>
    public ICommunicator Ranks { get; init; } = SingleProcess.Instance;

    /// <summary>Gradients are summed over the processes in buckets of this size.</summary>
    public long GradientBucketBytes { get; init; } = GradientReducer.DefaultBucketBytes;

    /// <summary>The cases that train.</summary>
    public required IReadOnlyList<ITrainingCase> TrainingCases { get; init; }

    /// <summary>The cases of the online validation.</summary>
    public required IReadOnlyList<ITrainingCase> ValidationCases { get; init; }

    /// <summary>The changes of the training patches.</summary>
    public required Augmenter Augmentation { get; init; }

    /// <summary>Where the network is.</summary>
    public required TorchSharp.torch.Device Device { get; init; }

    /// <summary>Where checkpoints, log and curve go.</summary>
    public required FoldFolder Folder { get; init; }

    /// <summary>Epochs between two <c>checkpoint_latest</c>; nnU-Net: 50.</summary>
    public int CheckpointInterval { get; init; } = 50;

    /// <summary>The names of the foreground classes or regions, in the order of the pseudo Dice.</summary>
    public IReadOnlyList<string> ClassNames => [.. Labels.Labels.Where(l => !l.IsBackground && !l.IsIgnore).Select(l => l.Name)];

    /// <summary>The axes of a volume that the augmentation of slices does not have.</summary>
    private int InFront => Patch.Count - Augmentation.Patch.Count;
}
