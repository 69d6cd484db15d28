// The selective scan, backward, first walk. With g the gradient of a state, g[t] = c[t]·dy[t] + a[t+1]·g[t+1]: a recurrence of the
// same form in reverse. One block summarises one chunk, for a tile of channels, from a gradient of zero at its end: what
// it passes on to the chunk before it is Σ P[t]·c[t]·dy[t], P[t] the product of the decays up to t, so that one walk
// forward gives this and, where chunks hold several tiles, the states at the tiles' starts. Grid (chunks, tiles, B).
#include "scan.cuh"

constexpr int STEP = 4;

struct Adjoint {
    Scan scan;          // y holds the gradients of the outputs
    float* tiles;       // (B, tiles, N, D): the state at each tile's start, or null where chunks are tiles
    long long tileCount;
    float* adjoint;     // (B, chunks, N, D): what the chunk passes on
};

struct Inputs {
    float u[STEP], delta[STEP], z[STEP], dy[STEP];
};

struct Columns {
    Column u, delta, z, dy;
};

template <bool States>
__device__ __forceinline__ void fetch(const Columns& from, const int* rows, const int* places, const int* outs, Inputs& to)
{
#pragma unroll
    for (int k = 0; k < STEP; k++) {
        to.delta[k] = from.delta.get(rows[k]);
        to.dy[k] = from.dy.get(outs[k]);
        if (States) {
            to.u[k] = from.u.get(rows[k]);
        }
        if (GATED) {
            to.z[k] = from.z.get(places[k]);
        }
    }
}

template <bool States>
__device__ __forceinline__ void walk(const Adjoint& args)
{
    const Scan& s = args.scan;
    float* weights = (float*)sharedMemory;  // chunk × (PADDED of c, PADDED of b)
    const int width = States ? 2 * PADDED : PADDED;
    int* rows = (int*)(weights + s.chunk * width);
    int* places = rows + s.chunk;
    int* outs = places + s.chunk;

    const int batch = blockIdx.z;
    const long long start = (long long)blockIdx.x * s.chunk;
    const long long left = sequenceLength(s) - start;
    const int count = left < s.chunk ? (int)left : s.chunk;
    const int staged = (count + STEP - 1) / STEP * STEP;
    stageTokens(s, start, staged, rows, places, outs);
    __syncthreads();
    stageWeights(s.c, batch, staged, rows, weights, width);
    if (States) {
        stageWeights(s.b, batch, staged, rows, weights + PADDED, width);
    }

    const int lane = threadIdx.x % 32;
    const int group = lane / LANES;
    const int channel = (blockIdx.y * (blockDim.x / 32) + threadIdx.x / 32) * LANES + lane % LANES;
    const bool inside = channel < s.channels;
    const int d = inside ? channel : s.channels - 1;

    float decays[STATES], h[STATES], product[STATES], passed[STATES];
    loadDecays(s.a, d, group, decays);
    loadStates(s, States ? s.states : nullptr, s.chunks, batch, blockIdx.x, d, group, h);
#pragma unroll
    for (int j = 0; j < STATES; j++) {
        product[j] = 1.0f;
        passed[j] = 0.0f;
    }
    const float bias = s.bias ? s.bias[d] : 0.0f;
    __syncthreads();

    const Columns columns = {Column(s.u, batch, d), Column(s.delta, batch, d), Column(s.z, batch, d), Column(s.y, batch, d)};
    Inputs next;
    fetch<States>(columns, rows, places, outs, next);
    for (int t = 0; t < staged; t += STEP) {
        if (States && t % TILE == 0 && inside) {
            storeStates(s, args.tiles, args.tileCount, batch, (start + t) / TILE, d, group, h);
        }
        Inputs now = next;
        if (t + STEP < staged) {
            fetch<States>(columns, rows + t + STEP, places + t + STEP, outs + t + STEP, next);
        }
#pragma unroll
        for (int k = 0; k < STEP; k++) {
            const float* weight = weights + (t + k) * width + group * STATES;
            const bool valid = t + k < count;
            const float dt = valid ? timeStep(now.delta[k] + bias) : 0.0f;
            float dy = valid ? now.dy[k] : 0.0f;
            if (GATED) {
                dy *= now.z[k] * sigmoid(now.z[k]);
            }
            const float x = States ? dt * now.u[k] : 0.0f;
            float b[STATES], c[STATES];
            readWeights(weight, c);
            if (States) {
                readWeights(weight + PADDED, b);
            }
#pragma unroll
            for (int j = 0; j < STATES; j++) {
                const float decay = exp2Fast(dt * decays[j]);
                product[j] *= decay;
                passed[j] = fmaf(product[j], dy * c[j], passed[j]);
                if (States) {
                    h[j] = fmaf(decay, h[j], x * b[j]);
                }
            }
        }
    }
    if (inside) {
        storeStates(s, args.adjoint, s.chunks, batch, blockIdx.x, d, group, passed);
    }
}

// Where a chunk is one tile.
extern "C" __global__ void __launch_bounds__(128, ADJOINT_BLOCKS) scanAdjoint(const Adjoint args) { walk<false>(args); }

// Where a chunk is several tiles: their states as well.
extern "C" __global__ void __launch_bounds__(128, ADJOINT_BLOCKS) scanAdjointAndTiles(const Adjoint args) { walk<true>(args); }
