using MedSegDsl.Models;

namespace MedSegDsl.Runtime.Weights;

/// <summary>
/// Weights of another training as a start (nnU-Net's <c>-pretrained_weights</c>, run/load_pretrained_weights.py): all but
/// the segmentation heads, which belong to the dataset's classes.
/// </summary>
public static class PretrainedWeights
{
    /// <summary>Copies the weights into a network.</summary>
    /// <param name="file">A checkpoint of this program or of nnU-Net, a state dict (.pth, .pt), or a safetensors file.</param>
    /// <param name="definition">The network's definition.</param>
    /// <param name="network">The network, on any device.</param>
    /// <param name="note">Told in a line each what was loaded, passed over and interpolated.</param>
    /// <exception cref="UserException">The file cannot be read, or names or shapes other than the heads' differ.</exception>
    public static void Load(string file, Network definition, SegmentationNetwork network, Action<string> note)
    {
        try
        {
            using var weights = WeightsFile.Read(file);
            StateDict.LoadPretrained(network, weights, SegmentationHeads.Of(definition, network), report: note);
        }
        catch (ModelException cause)
        {
            throw new UserException(cause.Message.StartsWith(file, StringComparison.Ordinal) ? cause.Message : $"{file}: {cause.Message}", cause);
        }
    }
}
