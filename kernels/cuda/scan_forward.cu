// The selective scan, forward. One block walks one chunk of one batch entry for a tile of channels; grid (chunks, tiles, B).
#include "scan.cuh"

constexpr int STEP = 4;  // tokens whose inputs are loaded together, one step ahead

struct Inputs {
    float u[STEP], delta[STEP], z[STEP];
};

struct Columns {
    Column u, delta, z;
};

template <bool Output>
__device__ __forceinline__ void fetch(const Columns& from, const int* rows, const int* places, Inputs& to)
{
#pragma unroll
    for (int k = 0; k < STEP; k++) {
        to.u[k] = from.u.get(rows[k]);
        to.delta[k] = from.delta.get(rows[k]);
        if (Output && GATED) {
            to.z[k] = from.z.get(places[k]);
        }
    }
}

template <bool Output>
__device__ __forceinline__ void walk(const Scan& s)
{
    float* weights = (float*)sharedMemory;  // chunk × (PADDED of b, PADDED of c)
    const int width = Output ? 2 * PADDED : PADDED;
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
    stageWeights(s.b, batch, staged, rows, weights, width);
    if (Output) {
        stageWeights(s.c, batch, staged, rows, weights + PADDED, width);
    }

    const int lane = threadIdx.x % 32;
    const int group = lane / LANES;
    const int channel = (blockIdx.y * (blockDim.x / 32) + threadIdx.x / 32) * LANES + lane % LANES;
    const bool inside = channel < s.channels;
    const int d = inside ? channel : s.channels - 1;

    float decays[STATES], h[STATES];
    loadDecays(s.a, d, group, decays);
    loadStates(s, Output ? s.states : nullptr, s.chunks, batch, blockIdx.x, d, group, h);
    const float bias = s.bias ? s.bias[d] : 0.0f;
    const float skip = s.skip ? s.skip[d] : 0.0f;
    float elapsed = 0.0f;
    __syncthreads();

    const Columns columns = {Column(s.u, batch, d), Column(s.delta, batch, d), Column(s.z, batch, d)};
    const Column result(s.y, batch, d);
    Inputs next;
    fetch<Output>(columns, rows, places, next);
    for (int t = 0; t < staged; t += STEP) {
        Inputs now = next;
        if (t + STEP < staged) {
            fetch<Output>(columns, rows + t + STEP, places + t + STEP, next);
        }
#pragma unroll
        for (int k = 0; k < STEP; k++) {
            const float* weight = weights + (t + k) * width + group * STATES;
            // A time step of zero leaves the state as it is: the tokens past the end.
            const float dt = t + k < count ? timeStep(now.delta[k] + bias) : 0.0f;
            const float x = dt * now.u[k];
            float y = 0.0f;
            float b[STATES], c[STATES];
            readWeights(weight, b);
            if (Output) {
                readWeights(weight + PADDED, c);
            }
#pragma unroll
            for (int j = 0; j < STATES; j++) {
                h[j] = fmaf(exp2Fast(dt * decays[j]), h[j], x * b[j]);
                if (Output) {
                    y = fmaf(h[j], c[j], y);
                }
            }
            elapsed += dt;
            if (Output) {
                y = fmaf(skip, now.u[k], sumOverGroups(y));
                if (GATED) {
                    y *= now.z[k] * sigmoid(now.z[k]);
                }
                if (inside && group == 0 && t + k < count) {
                    result.set(outs[t + k], y);
                }
            }
        }
    }
    if (!Output && inside) {
        storeStates(s, s.states, s.chunks, batch, blockIdx.x, d, group, h);
        if (group == 0) {
            s.elapsed[((long long)batch * s.chunks + blockIdx.x) * s.channels + d] = elapsed;
        }
    }
}

// Each chunk from a state of zero: the state at its end and the sum of its time steps.
extern "C" __global__ void __launch_bounds__(128, FORWARD_BLOCKS) scanSummaries(const Scan s) { walk<false>(s); }

// Each chunk from the state at its start: the outputs.
extern "C" __global__ void __launch_bounds__(128, FORWARD_BLOCKS) scanOutputs(const Scan s) { walk<true>(s); }
