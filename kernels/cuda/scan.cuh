// What the kernels of the selective scan share: arguments, and the tokens of a chunk in shared memory.
//
// The sequence of S segments of L tokens is cut into chunks. Each chunk is summarised from a state of zero (the state at
// its end, and the sum of its time steps, which gives the product of its decays), the summaries are carried from
// chunk to chunk, and then every chunk is walked again from its true state: all chunks at once, however long the sequence.
// A warp's lanes are neighbouring channels of one token, so that tensors with the channels last are read in full lines.
//
// Constants set by the host: N states, GROUPS lanes that share a channel's states, TILE tokens that a block treats together
// in the backward pass, TYPE, SOFTPLUS, GATED.
#pragma once
#include "scalar.cuh"
#include "path.cuh"

// A tensor (entries, rows, channels): batch and row are strides in elements, channels lie side by side. A launch's entries are
// those of the batch for each order; a tensor that all orders share has fewer and is read again for each.
struct Rows {
    scalar* data;
    long long batch;
    int row;
    int entries;
};

struct Scan {
    Rows u, delta, b, c, z, y;  // rows of z are tokens of the volume, of the others segment · L + token; of y see joined
    const float* a;             // (D, N)
    const float* skip;          // (D) or null
    const float* bias;          // (D) or null
    float* states;              // (entries, chunks, N, D): the state at each chunk's end, after the carry at its start; or null
    float* elapsed;             // (entries, chunks, D): sums of time steps
    Path paths[MOST_ORDERS];    // the orders; a launch has `batches` entries for each
    int batches;
    int segments;
    int channels;
    int chunk;                  // tokens in a chunk, a multiple of TILE
    int chunks;
    int joined;                 // rows of y: token · segments + segment, the segments of one token side by side
};

constexpr int STATES = (N + GROUPS - 1) / GROUPS;  // of one lane
constexpr int PADDED = STATES * GROUPS;
constexpr int LANES = 32 / GROUPS;                 // lanes with different channels

// All dynamic shared memory.
extern __shared__ float4 sharedMemory[];

__device__ __forceinline__ long long sequenceLength(const Scan& s) { return (long long)s.segments * s.paths[0].length; }

// A tensor's rows seen from one batch entry and one channel. Offsets are bytes, so that an element's address is one
// multiplication of 32 by 32 bits added to 64.
struct Column {
    const char* data;
    int step;

    __device__ __forceinline__ Column(const Rows& from, int batch, int channel)
        : data((const char*)(from.data + batch % from.entries * from.batch + channel)), step(from.row * (int)sizeof(scalar))
    {
    }

    __device__ __forceinline__ scalar* at(int row) const { return (scalar*)(data + (long long)row * step); }

    __device__ __forceinline__ float get(int row) const { return load(at(row)); }

    __device__ __forceinline__ void set(int row, float x) const { put(at(row), x); }
};

// The rows, places and rows of y of `tokens` tokens from `start`; past the sequence's end its last token again.
__device__ __forceinline__ void stageTokens(const Scan& s, long long start, int tokens, int* rows, int* places, int* outs)
{
    const Path path = s.paths[blockIdx.z / s.batches];
    long long last = sequenceLength(s) - 1;
    for (int t = threadIdx.x; t < tokens; t += blockDim.x) {
        long long i = start + t < last ? start + t : last;
        int segment = (int)(i / path.length);
        int place = placeOf(path, (int)(i - (long long)segment * path.length));
        rows[t] = segment * path.length + place;
        places[t] = place;
        outs[t] = s.joined ? place * s.segments + segment : rows[t];
    }
}

// b or c for `tokens` tokens: PADDED floats a token, `step` apart, zeros beyond N. Loads go out several at a time.
__device__ __forceinline__ void stageWeights(const Rows& from, int batch, int tokens, const int* rows, float* to, int step)
{
    constexpr int AT_ONCE = 4;
    const Column column(from, batch, 0);
    const int entries = tokens * PADDED;
    for (int first = threadIdx.x; first < entries; first += AT_ONCE * blockDim.x) {
        float values[AT_ONCE];
#pragma unroll
        for (int i = 0; i < AT_ONCE; i++) {
            const int e = min(first + i * (int)blockDim.x, entries - 1);
            const int n = min(e % PADDED, N - 1);
            values[i] = load(column.at(rows[e / PADDED]) + n);
        }
#pragma unroll
        for (int i = 0; i < AT_ONCE; i++) {
            const int e = first + i * blockDim.x;
            if (e < entries) {
                to[e / PADDED * step + e % PADDED] = e % PADDED < N ? values[i] : 0.0f;
            }
        }
    }
}

// A lane's states of channel d start at n = group · STATES; a is kept in powers of two: exp(dt·a) = 2^(dt·a·log2 e).
__device__ __forceinline__ void loadDecays(const float* a, int d, int group, float* decays)
{
#pragma unroll
    for (int j = 0; j < STATES; j++) {
        int n = group * STATES + j;
        decays[j] = n < N ? a[(long long)d * N + n] * LOG2E : 0.0f;
    }
}

// Entry (b, k, n, d) of an array (B, count, N, D).
__device__ __forceinline__ long long stateAt(const Scan& s, long long count, int batch, long long k, int n, int d)
{
    return ((batch * count + k) * N + n) * s.channels + d;
}

__device__ __forceinline__ void loadStates(const Scan& s, const float* from, long long count, int batch, long long k, int d, int group, float* to)
{
#pragma unroll
    for (int j = 0; j < STATES; j++) {
        int n = group * STATES + j;
        to[j] = from && n < N ? from[stateAt(s, count, batch, k, n, d)] : 0.0f;
    }
}

__device__ __forceinline__ void storeStates(const Scan& s, float* to, long long count, int batch, long long k, int d, int group, const float* from)
{
#pragma unroll
    for (int j = 0; j < STATES; j++) {
        int n = group * STATES + j;
        if (n < N) {
            to[stateAt(s, count, batch, k, n, d)] = from[j];
        }
    }
}

// A lane's entries of b or c in shared memory, four at a time where they line up.
__device__ __forceinline__ void readWeights(const float* from, float* to)
{
    if (STATES % 4 == 0) {
#pragma unroll
        for (int j = 0; j < STATES / 4; j++) {
            const float4 four = ((const float4*)from)[j];
            to[4 * j] = four.x;
            to[4 * j + 1] = four.y;
            to[4 * j + 2] = four.z;
            to[4 * j + 3] = four.w;
        }
    } else {
#pragma unroll
        for (int j = 0; j < STATES; j++) {
            to[j] = from[j];
        }
    }
}

__device__ __forceinline__ float timeStep(float raw) { return SOFTPLUS ? softplus(raw) : raw; }

// The sum over the lanes that share a channel.
__device__ __forceinline__ float sumOverGroups(float x)
{
#pragma unroll
    for (int lanes = LANES; lanes < 32; lanes *= 2) {
        x += __shfl_xor_sync(0xffffffffu, x, lanes);
    }
    return x;
}
