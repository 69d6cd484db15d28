// The depthwise convolution's kernels into the layout that the volume's pass wants, and the partial gradients back.
#include "depthwise.cuh"
#include "path.cuh"

struct Packing {
    const float* weights[MOST_ORDERS];  // (C, K³) for each order
    const float* biases[MOST_ORDERS];   // (C) or null
    KernelOrder orders[MOST_ORDERS];
    float* packed;                      // (orders, K³ + 1, C)
    int channels;
    int count;
};

// One thread for each weight and bias. Grid (⌈(K³ + 1) · C / 256⌉, orders).
extern "C" __global__ void __launch_bounds__(256) packKernels(const Packing args)
{
    const int e = blockIdx.x * blockDim.x + threadIdx.x;
    const int order = blockIdx.y;
    if (e < (TAPS + 1) * args.channels) {
        const int tap = e / args.channels, c = e - tap * args.channels;
        const float* bias = args.biases[order];
        args.packed[(long long)order * (TAPS + 1) * args.channels + e] =
            tap < TAPS ? args.weights[order][(long long)c * TAPS + kernelIndex(args.orders[order], tap)] : bias ? bias[c] : 0.0f;
    }
}

struct Unpacking {
    const float* partial;  // (parts, orders, K³ + 1, C)
    float* weight;         // (orders, C, K³)
    float* bias;           // (orders, C)
    KernelOrder orders[MOST_ORDERS];
    int channels;
    int parts;
    int count;
    int padding;
};

constexpr int ROWS = 8;  // threads that share one sum

// Sums the parts in a fixed order. Block (32 channels, ROWS), grid (channels / 32, K³ + 1, orders).
extern "C" __global__ void __launch_bounds__(32 * ROWS) sumKernelGradients(const Unpacking args)
{
    __shared__ float sums[ROWS][32];
    const int lane = threadIdx.x % 32, row = threadIdx.x / 32;
    const int c = blockIdx.x * 32 + lane;
    const int tap = blockIdx.y, order = blockIdx.z;
    float sum = 0.0f;
    if (c < args.channels) {
#pragma unroll 4
        for (int part = row; part < args.parts; part += ROWS) {
            sum += args.partial[(((long long)part * args.count + order) * (TAPS + 1) + tap) * args.channels + c];
        }
    }
    sums[row][lane] = sum;
    __syncthreads();
    if (row == 0 && c < args.channels) {
        for (int i = 1; i < ROWS; i++) {
            sum += sums[i][lane];
        }
        const long long channel = (long long)order * args.channels + c;
        if (tap < TAPS) {
            args.weight[channel * TAPS + kernelIndex(args.orders[order], tap)] = sum;
        } else {
            args.bias[channel] = sum;
        }
    }
}
