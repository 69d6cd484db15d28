using MedSegDsl.Runtime.Distributed.Control;
using MedSegDsl.Runtime.Distributed.Mpi;
using MedSegDsl.Runtime.Distributed.Nccl;

namespace MedSegDsl.Runtime.Distributed;

/// <summary>Joins this process with the others of its training.</summary>
public static class Communicators
{
    /// <summary>One process needs nothing; several on GPUs speak NCCL, several on CPUs MPI.</summary>
    /// <param name="place">Which rank of how many this is.</param>
    /// <param name="device">Where this process trains.</param>
    /// <exception cref="UserException">The others cannot be reached, or a library is missing.</exception>
    public static ICommunicator Join(RankPlace place, TorchSharp.torch.Device device) =>
        place.Size == 1 ? SingleProcess.Instance
        : device.type == TorchSharp.DeviceType.CUDA
            ? new NcclCommunicator(place, MeetingPoint.FromEnvironment(place), Math.Max(device.index, 0))
            : new MpiCommunicator(place);
}
