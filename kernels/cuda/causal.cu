// The causal depthwise convolution along a token sequence, in a path's order. A thread walks a chunk of one channel with the last
// K inputs in registers. Grid (chunks, channels / 32, B); block (32 channels, WARPS chunks).
//
// Constants set by the host: K, the kernel's size; TYPE.
#include "scalar.cuh"
#include "path.cuh"

constexpr int WARPS = 4;
constexpr int CHUNK = 32;  // tokens of a warp
constexpr int BEFORE = K - 1;

struct Tokens {
    scalar* data;
    long long batch;
    int row;
    int padding;
};

struct Causal {
    Tokens x;             // what is convolved
    Tokens y;             // the result, or its gradient
    const scalar* weight; // (C, K)
    const float* bias;    // (C) or null
    float* partial;       // (B · chunks, K + 1, C)
    Path path;            // for the gradient of x: the reverse of the forward pass's
    int channels;
    int chunks;
};

// The tokens of a warp's chunk and the K − 1 before it; −1 before the sequence's start and past its end.
__device__ __forceinline__ int stage(const Causal& s, int chunk, int* places)
{
    const int lane = threadIdx.x % 32;
    for (int t = lane; t < CHUNK + BEFORE; t += 32) {
        const long long i = (long long)chunk * CHUNK + t - BEFORE;
        places[t] = i >= 0 && i < s.path.length ? placeOf(s.path, (int)i) : -1;
    }
    __syncwarp();
    return min(CHUNK, s.path.length - chunk * CHUNK);
}

__device__ __forceinline__ float read(const Tokens& from, int batch, int place, int channel)
{
    return place < 0 ? 0.0f : load(from.data + batch * from.batch + (long long)place * from.row + channel);
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) causalConvolve(const Causal s)
{
    __shared__ int places[WARPS][CHUNK + BEFORE];
    const int warp = threadIdx.x / 32;
    const int chunk = blockIdx.x * WARPS + warp;
    const int channel = blockIdx.y * 32 + threadIdx.x % 32;
    const int batch = blockIdx.z;
    if (chunk >= s.chunks) {
        return;
    }
    const int count = stage(s, chunk, places[warp]);
    if (channel >= s.channels) {
        return;
    }
    float weight[K], window[K];
#pragma unroll
    for (int k = 0; k < K; k++) {
        weight[k] = load(s.weight + (long long)channel * K + k);
    }
#pragma unroll
    for (int k = 0; k < BEFORE; k++) {
        window[k + 1] = read(s.x, batch, places[warp][k], channel);
    }
    const float bias = s.bias ? s.bias[channel] : 0.0f;
#pragma unroll 8
    for (int t = 0; t < count; t++) {
#pragma unroll
        for (int k = 0; k < BEFORE; k++) {
            window[k] = window[k + 1];
        }
        window[BEFORE] = read(s.x, batch, places[warp][t + BEFORE], channel);
        float sum = bias;
#pragma unroll
        for (int k = 0; k < K; k++) {
            sum = fmaf(weight[k], window[k], sum);
        }
        put(s.y.data + batch * s.y.batch + (long long)places[warp][t + BEFORE] * s.y.row + channel, sum);
    }
}

// Gradients of the weight and the bias, a part for each chunk.
extern "C" __global__ void __launch_bounds__(32 * WARPS) causalKernelGradients(const Causal s)
{
    __shared__ int places[WARPS][CHUNK + BEFORE];
    const int warp = threadIdx.x / 32;
    const int chunk = blockIdx.x * WARPS + warp;
    const int channel = blockIdx.y * 32 + threadIdx.x % 32;
    const int batch = blockIdx.z;
    if (chunk >= s.chunks) {
        return;
    }
    const int count = stage(s, chunk, places[warp]);
    if (channel >= s.channels) {
        return;
    }
    float sums[K], window[K];
    float biasSum = 0.0f;
#pragma unroll
    for (int k = 0; k < K; k++) {
        sums[k] = 0.0f;
    }
#pragma unroll
    for (int k = 0; k < BEFORE; k++) {
        window[k + 1] = read(s.x, batch, places[warp][k], channel);
    }
#pragma unroll 8
    for (int t = 0; t < count; t++) {
#pragma unroll
        for (int k = 0; k < BEFORE; k++) {
            window[k] = window[k + 1];
        }
        window[BEFORE] = read(s.x, batch, places[warp][t + BEFORE], channel);
        const float gradient = read(s.y, batch, places[warp][t + BEFORE], channel);
        biasSum += gradient;
#pragma unroll
        for (int k = 0; k < K; k++) {
            sums[k] = fmaf(gradient, window[k], sums[k]);
        }
    }
    float* to = s.partial + ((long long)batch * s.chunks + chunk) * (K + 1) * s.channels + channel;
#pragma unroll
    for (int k = 0; k < K; k++) {
        to[(long long)k * s.channels] = sums[k];
    }
    to[(long long)K * s.channels] = biasSum;
}
