using System.Text;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Distributed;

/// <summary>Makes sure that all ranks begin alike.</summary>
public static class SameState
{
    /// <summary>Texts of all ranks.</summary>
    public static IReadOnlyList<string> Gather(this ICommunicator ranks, string own) =>
        [.. ranks.Gather(Encoding.UTF8.GetBytes(own)).Select(Encoding.UTF8.GetString)];

    /// <summary>Refuses ranks that go on from different places.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="place">The place of this one, in words.</param>
    /// <param name="folder">What all of them read.</param>
    /// <exception cref="UserException">They do; on every rank.</exception>
    public static void Check(ICommunicator ranks, string place, string folder)
    {
        var places = ranks.Gather(place);
        if (places.Distinct().Count() > 1)
            throw ranks.Common(
                $"{folder}: rank {places.ToList().FindIndex(p => p != places[0])} does not go on from where rank 0 does: "
                + "all machines must see the same folders, nnUNet_results as well");
    }

    /// <summary>Gives every rank the weights and buffers of rank 0.</summary>
    public static void Broadcast(ICommunicator ranks, nn.Module network)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        if (ranks.Size == 1)
            return;
        foreach (var tensor in network.parameters().Cast<Tensor>().Concat(network.buffers()))
        {
            if (tensor.numel() == 0)
                continue;
            var contiguous = tensor.contiguous();
            ranks.Broadcast(contiguous);
            tensor.copy_(contiguous);
        }
    }
}
