// Root-mean-square normalisation over the channels of tokens (rows, C): y = x · r · w, r = 1/√(mean(x²) + ε). A warp has one token at a
// time. Gradients of w are summed in parts of a fixed number of blocks, in a fixed order.
//
// Constants set by the host: TYPE; PER, the numbers of C that a lane holds: ⌈C / 32⌉.
#include "scalar.cuh"

constexpr int WARPS = 8;

struct Norm {
    const scalar* x;         // (rows, C)
    const scalar* gradient;  // of y: (rows, C)
    scalar* y;               // (rows, C); in the backward pass the gradient of x
    const float* weight;     // (C)
    float* inverse;          // r: (rows)
    float* partial;          // (blocks, C): parts of the gradient of w
    long long rows;
    int channels;
    float epsilon;
};

__device__ __forceinline__ float sumOverWarp(float x)
{
#pragma unroll
    for (int lanes = 16; lanes > 0; lanes /= 2) {
        x += __shfl_xor_sync(0xffffffffu, x, lanes);
    }
    return x;
}

__device__ __forceinline__ void readRow(const Norm& args, const scalar* from, long long row, float* to)
{
#pragma unroll
    for (int i = 0; i < PER; i++) {
        const int c = i * 32 + threadIdx.x % 32;
        to[i] = c < args.channels ? load(from + row * args.channels + c) : 0.0f;
    }
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) normalize(const Norm args)
{
    const long long row = (long long)blockIdx.x * WARPS + threadIdx.x / 32;
    if (row >= args.rows) {
        return;
    }
    float x[PER];
    readRow(args, args.x, row, x);
    float squares = 0.0f;
#pragma unroll
    for (int i = 0; i < PER; i++) {
        squares = fmaf(x[i], x[i], squares);
    }
    const float inverse = rsqrtf(sumOverWarp(squares) / args.channels + args.epsilon);
#pragma unroll
    for (int i = 0; i < PER; i++) {
        const int c = i * 32 + threadIdx.x % 32;
        if (c < args.channels) {
            put(args.y + row * args.channels + c, x[i] * inverse * args.weight[c]);
        }
    }
    if (threadIdx.x % 32 == 0 && args.inverse) {
        args.inverse[row] = inverse;
    }
}

// dx = r · (w·dy − x · r² · mean(w·dy·x)), dw = Σ dy·x·r over tokens.
extern "C" __global__ void __launch_bounds__(32 * WARPS) normGradients(const Norm args)
{
    __shared__ float sums[WARPS][32 * PER];
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    float weight[PER], weightGradient[PER];
#pragma unroll
    for (int i = 0; i < PER; i++) {
        const int c = i * 32 + lane;
        weight[i] = c < args.channels ? args.weight[c] : 0.0f;
        weightGradient[i] = 0.0f;
    }
    for (long long row = (long long)blockIdx.x * WARPS + warp; row < args.rows; row += (long long)gridDim.x * WARPS) {
        float x[PER], dy[PER];
        readRow(args, args.x, row, x);
        readRow(args, args.gradient, row, dy);
        const float inverse = args.inverse[row];
        float along = 0.0f;
#pragma unroll
        for (int i = 0; i < PER; i++) {
            weightGradient[i] = fmaf(dy[i], x[i] * inverse, weightGradient[i]);
            dy[i] *= weight[i];
            along = fmaf(dy[i], x[i], along);
        }
        const float share = sumOverWarp(along) * inverse * inverse / args.channels;
#pragma unroll
        for (int i = 0; i < PER; i++) {
            const int c = i * 32 + lane;
            if (c < args.channels) {
                put(args.y + row * args.channels + c, inverse * (dy[i] - x[i] * share));
            }
        }
    }
#pragma unroll
    for (int i = 0; i < PER; i++) {
        sums[warp][i * 32 + lane] = weightGradient[i];
    }
    __syncthreads();
    for (int c = threadIdx.x; c < args.channels; c += blockDim.x) {
        float sum = 0.0f;
#pragma unroll
        for (int w = 0; w < WARPS; w++) {
            sum += sums[w][c];
        }
        args.partial[(long long)blockIdx.x * args.channels + c] = sum;
    }
}
