// What the kernels of the depthwise 3D convolution share. Volumes are (B, D, H, W, C) with the channels side by side: a warp's
// lanes are 32 neighbouring channels of one voxel. Kernels are odd, padding keeps the size.
//
// Constants set by the host: K, the kernel's size; TYPE.
#pragma once
#include "scalar.cuh"

constexpr int RADIUS = K / 2;
constexpr int TAPS = K * K * K;

// A volume: strides in elements.
struct Volume {
    scalar* data;
    long long batch, depth, height;
    int width;
    int padding;
};

// Several orders of a mixer convolve the same volume, each with kernels of its own: the results, and their gradients, are
// volumes at equal distances.
struct Convolution {
    Volume x;             // what is convolved
    Volume y;             // the result, or its gradient
    long long xOrder, yOrder;
    const float* weight;  // (orders, K³ + 1, C): a tap's weights side by side, then the bias
    float* partial;       // (parts, orders, K³ + 1, C): partial gradients of the weight, then of the bias
    scalar* activated;    // SiLU of the result, laid out as y; or null
    int batch, depth, height, width, channels;
    int parts;
    int orders;
    int summed;           // volumes x whose convolutions add up to one result: 1, or all orders in the gradient of x
    int biased;
    int accumulated;      // whether the result is added to what y holds
};

// Where tap (i, j, k) along D, H, W lies in the kernel (K, K, K), whose axis a runs along the volume's axis axes[a].
struct KernelOrder {
    int axes[3];
    int flipped;
};

__device__ __forceinline__ int kernelIndex(const KernelOrder& order, int tap)
{
    int along[3];
    along[2] = tap % K;
    along[1] = tap / K % K;
    along[0] = tap / (K * K);
    int index = 0;
#pragma unroll
    for (int a = 0; a < 3; a++) {
        const int i = order.axes[a] == 0 ? along[0] : order.axes[a] == 1 ? along[1] : along[2];
        index = index * K + (order.flipped ? K - 1 - i : i);
    }
    return index;
}
