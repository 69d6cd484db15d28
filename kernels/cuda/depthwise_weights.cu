// The depthwise convolution's kernels into the layout that the volume's pass wants, and the partial gradients back.
#include "depthwise.cuh"

struct Packing {
    const scalar* weight;  // (C, K³)
    float* packed;         // (K³, C)
    KernelOrder order;
    int channels;
};

// One thread for each weight.
extern "C" __global__ void __launch_bounds__(256) packKernels(const Packing args)
{
    const int e = blockIdx.x * blockDim.x + threadIdx.x;
    if (e < TAPS * args.channels) {
        const int tap = e / args.channels, c = e - tap * args.channels;
        args.packed[e] = load(args.weight + (long long)c * TAPS + kernelIndex(args.order, tap));
    }
}

struct Unpacking {
    const float* partial;  // (parts, K³ + 1, C)
    float* weight;         // (C, K³)
    float* bias;           // (C) or null
    KernelOrder order;
    int channels;
    int parts;
    int padding;
};

constexpr int ROWS = 8;  // threads that share one sum

// Sums the parts in a fixed order. Block (32 channels, ROWS), grid (channels / 32, K³ + 1).
extern "C" __global__ void __launch_bounds__(32 * ROWS) sumKernelGradients(const Unpacking args)
{
    __shared__ float sums[ROWS][32];
    const int lane = threadIdx.x % 32, row = threadIdx.x / 32;
    const int c = blockIdx.x * 32 + lane;
    const int tap = blockIdx.y;
    float sum = 0.0f;
    if (c < args.channels) {
#pragma unroll 4
        for (int part = row; part < args.parts; part += ROWS) {
            sum += args.partial[((long long)part * (TAPS + 1) + tap) * args.channels + c];
        }
    }
    sums[row][lane] = sum;
    __syncthreads();
    if (row == 0 && c < args.channels) {
        for (int i = 1; i < ROWS; i++) {
            sum += sums[i][lane];
        }
        if (tap < TAPS) {
            args.weight[(long long)c * TAPS + kernelIndex(args.order, tap)] = sum;
        } else if (args.bias) {
            args.bias[c] = sum;
        }
    }
}
