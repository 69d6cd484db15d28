// The depthwise 3D convolution for small kernels: a thread has TILE_H × TILE_W voxels of one channel in registers and, plane by
// plane of the kernel, its K × K weights, so that a value read is used up to K · TILE_H times. Arithmetic, not memory, is
// what large kernels cost.
//
// Constants set by the host, beside K and TYPE: TILE_H, TILE_W; PER, neighbouring channels of a thread that are read together; LANES, threads
// side by side along the channels; ROWS of such threads in
// a block; BLOCKS that a multiprocessor shall hold; CHANNELS; X_STRIDE and Y_STRIDE, elements between neighbours along
// the width; EXACT_H, EXACT_W, whether tiles cover height and width without a rest. With them a row's addresses are one
// register plus constants, and only halos need a check of their bounds.
#include "depthwise.cuh"

constexpr int ROW = TILE_W + K - 1;
constexpr int CHANNEL_TILES = (CHANNELS / PER + LANES - 1) / LANES;
constexpr int KERNELS = (TAPS + 1) * CHANNELS;  // weights and biases of one order

__device__ __forceinline__ const scalar* planeOf(const Volume& v, int batch, int depth, int channel)
{
    return v.data + batch * v.batch + depth * v.depth + channel;
}

struct __align__(sizeof(scalar) * PER) Neighbours {
    scalar values[PER];
};

struct __align__(sizeof(float) * PER) Weights {
    float values[PER];
};

// Line `line` of a tile's halo, ROW voxels: zeros outside the volume. `line` is a constant wherever this is inlined.
__device__ __forceinline__ void readRow(const Convolution& args, const scalar* plane, int h0, int w0, int line, float (*to)[PER])
{
    const int height = h0 + line - RADIUS;
    const bool lineWithin = EXACT_H && line >= RADIUS && line < RADIUS + TILE_H;
    const bool lineInside = lineWithin || (unsigned)height < (unsigned)args.height;
    const scalar* at = plane + height * args.x.height + (long long)(w0 - RADIUS) * X_STRIDE;
#pragma unroll
    for (int i = 0; i < ROW; i++) {
        const bool within = EXACT_W && i >= RADIUS && i < RADIUS + TILE_W;
        const bool inside = lineInside && (within || (unsigned)(w0 + i - RADIUS) < (unsigned)args.width);
        Neighbours x = {};
        if (inside) {
            x = *(const Neighbours*)(at + i * X_STRIDE);
        }
#pragma unroll
        for (int c = 0; c < PER; c++) {
            to[i][c] = toFloat(x.values[c]);
        }
    }
}

__device__ __forceinline__ bool isInside(const Convolution& args, int h, int w)
{
    return (EXACT_H || h < args.height) && (EXACT_W || w < args.width);
}

// y = x ∗ weight + bias for each order; with the flipped weights and y's gradients for x, the gradient of x, a sum over the
// orders. A thread has one tile; a block's rows of LANES threads are neighbours in depth, which read the same planes. Grid
// (tiles · ⌈depth / rows⌉, results · CHANNEL_TILES, B).
extern "C" __global__ void __launch_bounds__(LANES * ROWS, BLOCKS) convolve(const Convolution args)
{
    const int order = blockIdx.y / CHANNEL_TILES;
    const int channel = (blockIdx.y % CHANNEL_TILES * LANES + threadIdx.x % LANES) * PER;
    const int tilesW = (args.width + TILE_W - 1) / TILE_W;
    const int tilesH = (args.height + TILE_H - 1) / TILE_H;
    const int w0 = blockIdx.x % tilesW * TILE_W;
    const int h0 = blockIdx.x / tilesW % tilesH * TILE_H;
    const int depth = blockIdx.x / (tilesW * tilesH) * ROWS + threadIdx.x / LANES;
    const int batch = blockIdx.z;
    if (channel >= CHANNELS || depth >= args.depth) {
        return;
    }

    float sums[TILE_H][TILE_W][PER];
#pragma unroll
    for (int c = 0; c < PER; c++) {
        const float bias = args.biased ? args.weight[order * KERNELS + TAPS * CHANNELS + channel + c] : 0.0f;
#pragma unroll
        for (int h = 0; h < TILE_H; h++) {
#pragma unroll
            for (int w = 0; w < TILE_W; w++) {
                sums[h][w][c] = bias;
            }
        }
    }
    // Planes of all the volumes that are summed, one after the other.
    for (int step = 0; step < args.summed * K; step++) {
        const int i = step % K, volume = step / K;
        if ((unsigned)(depth + i - RADIUS) >= (unsigned)args.depth) {
            continue;
        }
        const scalar* plane = planeOf(args.x, batch, depth + i - RADIUS, channel) + volume * args.xOrder;
        const float* kernel = args.weight + (order + volume) * KERNELS + i * K * K * CHANNELS + channel;
        Weights weights[K][K];
#pragma unroll
        for (int j = 0; j < K; j++) {
#pragma unroll
            for (int k = 0; k < K; k++) {
                weights[j][k] = *(const Weights*)(kernel + (j * K + k) * CHANNELS);
            }
        }
#pragma unroll
        for (int line = 0; line < TILE_H + K - 1; line++) {
            float row[ROW][PER];
            readRow(args, plane, h0, w0, line, row);
#pragma unroll
            for (int j = 0; j < K; j++) {
                if (line - j >= 0 && line - j < TILE_H) {
#pragma unroll
                    for (int k = 0; k < K; k++) {
#pragma unroll
                        for (int w = 0; w < TILE_W; w++) {
#pragma unroll
                            for (int c = 0; c < PER; c++) {
                                sums[line - j][w][c] = fmaf(weights[j][k].values[c], row[w + k][c], sums[line - j][w][c]);
                            }
                        }
                    }
                }
            }
        }
    }
    scalar* out = (scalar*)planeOf(args.y, batch, depth, channel) + order * args.yOrder + h0 * args.y.height + (long long)w0 * Y_STRIDE;
    scalar* activated = args.activated ? args.activated + (out - args.y.data) : nullptr;
#pragma unroll
    for (int h = 0; h < TILE_H; h++) {
#pragma unroll
        for (int w = 0; w < TILE_W; w++) {
            if (isInside(args, h0 + h, w0 + w)) {
                Neighbours* at = (Neighbours*)(out + h * args.y.height + w * Y_STRIDE);
                Neighbours y, active;
                if (args.accumulated) {
                    y = *at;
                }
#pragma unroll
                for (int c = 0; c < PER; c++) {
                    const float sum = sums[h][w][c] + (args.accumulated ? toFloat(y.values[c]) : 0.0f);
                    put(&y.values[c], sum);
                    put(&active.values[c], sum * sigmoid(sum));
                }
                *at = y;
                if (activated) {
                    *(Neighbours*)(activated + h * args.y.height + w * Y_STRIDE) = active;
                }
            }
        }
    }
}

// Gradients of the weight and the bias, in parts. A block has K warps, one for each plane of the kernel, which go together through
// columns of tiles along the depth: a plane that one warp has read the next one finds in the cache. Grid
// (parts, orders · channels / 32). PER is 1 and LANES is 32 here.
extern "C" __global__ void __launch_bounds__(32 * K, 16 / K) kernelGradients(const Convolution args)
{
    const int order = blockIdx.y / CHANNEL_TILES;
    const int channel = blockIdx.y % CHANNEL_TILES * 32 + threadIdx.x % 32;
    const int i = threadIdx.x / 32;
    if (channel >= CHANNELS) {
        return;
    }
    const int tilesW = (args.width + TILE_W - 1) / TILE_W;
    const int tilesH = (args.height + TILE_H - 1) / TILE_H;

    float sums[K][K];
    float biasSum = 0.0f;
#pragma unroll
    for (int j = 0; j < K; j++) {
#pragma unroll
        for (int k = 0; k < K; k++) {
            sums[j][k] = 0.0f;
        }
    }
    // Steps in depth of all columns, one after the other, in equal shares.
    const long long steps = (long long)args.batch * tilesH * tilesW * args.depth;
    const long long share = (steps + args.parts - 1) / args.parts;
    const long long end = min((blockIdx.x + 1) * share, steps);
    for (long long step = blockIdx.x * share; step < end; step++) {
        const int depth = (int)(step % args.depth);
        int tile = (int)(step / args.depth);
        const int w0 = tile % tilesW * TILE_W;
        tile /= tilesW;
        const int h0 = tile % tilesH * TILE_H;
        const int batch = tile / tilesH;
        const int from = depth + i - RADIUS;
        if (i > 0 && (unsigned)from >= (unsigned)args.depth) {
            continue;
        }
        float gradient[TILE_H][TILE_W];
        const scalar* gradients = planeOf(args.y, batch, depth, channel) + order * args.yOrder + h0 * args.y.height + (long long)w0 * Y_STRIDE;
#pragma unroll
        for (int h = 0; h < TILE_H; h++) {
#pragma unroll
            for (int w = 0; w < TILE_W; w++) {
                gradient[h][w] = isInside(args, h0 + h, w0 + w) ? load(gradients + h * args.y.height + w * Y_STRIDE) : 0.0f;
            }
        }
        if (i == 0) {
#pragma unroll
            for (int h = 0; h < TILE_H; h++) {
#pragma unroll
                for (int w = 0; w < TILE_W; w++) {
                    biasSum += gradient[h][w];
                }
            }
            if (from < 0 || from >= args.depth) {
                continue;
            }
        }
        const scalar* plane = planeOf(args.x, batch, from, channel);
#pragma unroll
        for (int line = 0; line < TILE_H + K - 1; line++) {
            float row[ROW][PER];
            readRow(args, plane, h0, w0, line, row);
#pragma unroll
            for (int j = 0; j < K; j++) {
                if (line - j >= 0 && line - j < TILE_H) {
#pragma unroll
                    for (int k = 0; k < K; k++) {
#pragma unroll
                        for (int w = 0; w < TILE_W; w++) {
                            sums[j][k] = fmaf(gradient[line - j][w], row[w + k][0], sums[j][k]);
                        }
                    }
                }
            }
        }
    }
    float* to = args.partial + ((long long)blockIdx.x * args.orders + order) * KERNELS + channel;
#pragma unroll
    for (int j = 0; j < K; j++) {
#pragma unroll
        for (int k = 0; k < K; k++) {
            to[((i * K + j) * K + k) * CHANNELS] = sums[j][k];
        }
    }
    if (i == 0) {
        to[TAPS * CHANNELS] = biasSum;
    }
}
