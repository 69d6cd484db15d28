using MedSegDsl.Models;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Planning;
using MedSegDsl.Runtime.Training.Checkpoints;

namespace MedSegDsl.Runtime.Weights;

/// <summary>A trained model's weights for other programs, under the names of the published code.</summary>
public static class ModelExport
{
    /// <summary>Writes weights as safetensors, or as torch.save would; the ending says which.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="target">.safetensors, .pth or .pt.</param>
    /// <param name="checkpoint">With it a .pth file is an nnU-Net v2 checkpoint.</param>
    /// <exception cref="UserException">The ending is another one, or the file cannot be written.</exception>
    public static void Write(WeightsFile weights, string target, NnUNetCheckpoint? checkpoint)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        var tensors = SliceWeights.AsPublished(weights);
        try
        {
            switch (Path.GetExtension(target))
            {
                case ".safetensors" when checkpoint is null:
                    AtomicFile.Write(target, stream => Safetensors.Write(stream, tensors, Metadata(weights)));
                    break;
                case ".pth" or ".pt":
                    AtomicFile.Write(target, stream => WeightsFile.WritePyTorch(stream, tensors, checkpoint));
                    break;
                case ".safetensors":
                    throw new UserException($"{target}: an nnU-Net checkpoint is a .pth file");
                default:
                    throw new UserException($"{target}: the ending should be .safetensors, .pth or .pt");
            }
        }
        catch (ModelException cause)
        {
            throw new UserException($"{target}: {cause.Message}", cause);
        }
    }

    /// <summary>What nnU-Net keeps beside the weights, for a checkpoint of this program in a trained model's folder.</summary>
    /// <param name="checkpointFile">MODEL/fold_K/checkpoint_final.safetensors.</param>
    /// <param name="trainer">The trainer's class in nnU-Net, which builds the network there.</param>
    /// <exception cref="UserException">The file is no checkpoint, or plans.json or dataset.json are missing.</exception>
    public static NnUNetCheckpoint Describe(string checkpointFile, string trainer)
    {
        using var checkpoint = Checkpoint.Read(checkpointFile);
        var state = checkpoint.State;
        var model = Path.GetDirectoryName(Path.GetDirectoryName(Path.GetFullPath(checkpointFile)))!;
        var plans = Plans.Read(Path.Combine(model, "plans.json"));
        // nnU-Net counts the patch's own axes.
        var inFront = state.Patch.Count - plans.Configuration(state.Identity.Configuration).Dimensions;
        return new NnUNetCheckpoint
        {
            Trainer = trainer,
            Configuration = state.Identity.Configuration,
            Fold = state.Identity.Fold,
            Epochs = state.Curves.Epochs.Count,
            MirrorAxes = [.. state.MirrorAxes.Select(axis => axis - inFront)],
            Plans = plans.Json,
            Dataset = DatasetJson.ReadFrom(model).Json,
        };
    }

    private static Dictionary<string, string> Metadata(WeightsFile weights) => weights.Patch is { } patch
        ? new Dictionary<string, string> { ["format"] = "pt", [StateDict.PatchKey] = StateDict.PatchText(patch) }
        : new Dictionary<string, string> { ["format"] = "pt" };
}
