// The depthwise 3D convolution for kernels too large for registers: no tiles, any size, slower.
#include "depthwise.cuh"

constexpr int PLAIN_WARPS = 8;

__device__ __forceinline__ long long offsetOf(const Volume& v, int batch, int depth, int height, int width)
{
    return batch * v.batch + depth * v.depth + height * v.height + (long long)width * v.width;
}

// One thread for each voxel and channel. Grid (⌈D · H · W / warps⌉, channels / 32, B).
extern "C" __global__ void __launch_bounds__(32 * PLAIN_WARPS) convolve(const Convolution args)
{
    const int channel = blockIdx.y * 32 + threadIdx.x % 32;
    const long long voxel = (long long)blockIdx.x * PLAIN_WARPS + threadIdx.x / 32;
    const int batch = blockIdx.z;
    const int w = (int)(voxel % args.width);
    const int h = (int)(voxel / args.width % args.height);
    const long long d = voxel / args.width / args.height;
    if (channel >= args.channels || d >= args.depth) {
        return;
    }
    float sum = args.biased ? args.weight[(long long)TAPS * args.channels + channel] : 0.0f;
    for (int i = max(0, RADIUS - (int)d); i < min(K, args.depth + RADIUS - (int)d); i++) {
        for (int j = max(0, RADIUS - h); j < min(K, args.height + RADIUS - h); j++) {
            for (int k = max(0, RADIUS - w); k < min(K, args.width + RADIUS - w); k++) {
                const float x = load(args.x.data + offsetOf(args.x, batch, (int)d + i - RADIUS, h + j - RADIUS, w + k - RADIUS) + channel);
                sum = fmaf(args.weight[(long long)((i * K + j) * K + k) * args.channels + channel], x, sum);
            }
        }
    }
    put(args.y.data + offsetOf(args.y, batch, (int)d, h, w) + channel, sum);
}

// Gradients of the weight and the bias, in parts: one warp for each tap, part and 32 channels; the tap after the last is the
// bias. Grid (parts, channels / 32, ⌈(K³ + 1) / warps⌉).
extern "C" __global__ void __launch_bounds__(32 * PLAIN_WARPS) kernelGradients(const Convolution args)
{
    const int channel = blockIdx.y * 32 + threadIdx.x % 32;
    const int tap = blockIdx.z * PLAIN_WARPS + threadIdx.x / 32;
    if (channel >= args.channels || tap > TAPS) {
        return;
    }
    const bool isBias = tap == TAPS;
    const int i = isBias ? 0 : tap / (K * K) - RADIUS;
    const int j = isBias ? 0 : tap / K % K - RADIUS;
    const int k = isBias ? 0 : tap % K - RADIUS;
    const int perBatch = args.depth * args.height;
    const long long lines = (long long)args.batch * perBatch;
    const long long share = (lines + args.parts - 1) / args.parts;
    const long long end = min((blockIdx.x + 1) * share, lines);
    float sum = 0.0f;
    for (long long line = blockIdx.x * share; line < end; line++) {
        const int batch = (int)(line / perBatch);
        const int d = (int)(line - (long long)batch * perBatch) / args.height;
        const int h = (int)(line - (long long)batch * perBatch) % args.height;
        if ((unsigned)(d + i) >= (unsigned)args.depth || (unsigned)(h + j) >= (unsigned)args.height) {
            continue;
        }
        for (int w = max(0, -k); w < min(args.width, args.width - k); w++) {
            const float gradient = load(args.y.data + offsetOf(args.y, batch, d, h, w) + channel);
            const float x = isBias ? 1.0f : load(args.x.data + offsetOf(args.x, batch, d + i, h + j, w + k) + channel);
            sum = fmaf(gradient, x, sum);
        }
    }
    args.partial[((long long)blockIdx.x * (TAPS + 1) + tap) * args.channels + channel] = sum;
}
