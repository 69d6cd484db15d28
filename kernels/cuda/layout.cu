// A volume's channels from last to first, and back: (B, voxels, C) of one type to (B, C, voxels) of float32. Both sides are read and written in
// whole lines; a tile of voxels is turned round in shared memory.
//
// Constants set by the host: TYPE, that of channels last; CHANNELS; TILE, voxels of a block.
#include "scalar.cuh"

struct Layout {
    scalar* last;  // (B, voxels, C), contiguous
    float* first;  // (B, C, voxels), contiguous
    long long voxels;
};

constexpr int PITCH = TILE + 1;

// Grid (⌈voxels / TILE⌉, B).
extern "C" __global__ void __launch_bounds__(256) channelsFirst(const Layout args)
{
    __shared__ float tile[CHANNELS * PITCH];
    const long long start = (long long)blockIdx.x * TILE;
    const int count = (int)min((long long)TILE, args.voxels - start);
    const scalar* last = args.last + (blockIdx.y * args.voxels + start) * CHANNELS;
    for (int e = threadIdx.x; e < count * CHANNELS; e += blockDim.x) {
        tile[e % CHANNELS * PITCH + e / CHANNELS] = load(last + e);
    }
    __syncthreads();
    float* first = args.first + blockIdx.y * CHANNELS * args.voxels + start;
    for (int e = threadIdx.x; e < TILE * CHANNELS; e += blockDim.x) {
        const int c = e / TILE, voxel = e % TILE;
        if (voxel < count) {
            first[c * args.voxels + voxel] = tile[c * PITCH + voxel];
        }
    }
}

// Grid as channelsFirst.
extern "C" __global__ void __launch_bounds__(256) channelsLast(const Layout args)
{
    __shared__ float tile[CHANNELS * PITCH];
    const long long start = (long long)blockIdx.x * TILE;
    const int count = (int)min((long long)TILE, args.voxels - start);
    const float* first = args.first + blockIdx.y * CHANNELS * args.voxels + start;
    for (int e = threadIdx.x; e < TILE * CHANNELS; e += blockDim.x) {
        const int c = e / TILE, voxel = e % TILE;
        if (voxel < count) {
            tile[c * PITCH + voxel] = first[c * args.voxels + voxel];
        }
    }
    __syncthreads();
    scalar* last = args.last + (blockIdx.y * args.voxels + start) * CHANNELS;
    for (int e = threadIdx.x; e < count * CHANNELS; e += blockDim.x) {
        put(last + e, tile[e % CHANNELS * PITCH + e / CHANNELS]);
    }
}
