// What lies between the convolutions, products and scans of a mixer: SiLU's gradient, and sums over orders and segments.
#include "scalar.cuh"

constexpr int PACK = 16 / sizeof(scalar);

struct __align__(16) Packed {
    scalar values[PACK];
};

struct SiluGradient {
    const scalar* x;   // before SiLU
    scalar* gradient;  // of SiLU's result; then of x
    long long count;
};

__device__ __forceinline__ float siluSlope(float x)
{
    const float gate = sigmoid(x);
    return gate * fmaf(x, 1.0f - gate, 1.0f);
}

// One thread for each PACK elements; both tensors start at a multiple of 16 bytes.
extern "C" __global__ void __launch_bounds__(256) siluGradient(const SiluGradient args)
{
    const long long first = ((long long)blockIdx.x * blockDim.x + threadIdx.x) * PACK;
    if (first + PACK <= args.count) {
        const Packed x = *(const Packed*)(args.x + first);
        Packed gradient = *(const Packed*)(args.gradient + first);
#pragma unroll
        for (int i = 0; i < PACK; i++) {
            put(&gradient.values[i], toFloat(gradient.values[i]) * siluSlope(toFloat(x.values[i])));
        }
        *(Packed*)(args.gradient + first) = gradient;
    } else {
        for (long long i = first; i < args.count; i++) {
            put(args.gradient + i, load(args.gradient + i) * siluSlope(load(args.x + i)));
        }
    }
}

// A matrix product reads operands whose rows are multiples of eight elements several times faster, and the rank seldom is one: the
// time step's `rank` rows of the projection, and the columns of its weights, are filled up with zeros to `padded`.
struct Padding {
    const float* projection;  // (rank + weights, C)
    const float* timeStep;    // (C, rank)
    scalar* wideProjection;   // (padded + weights, C)
    scalar* wideTimeStep;     // (C, padded)
    int rank, padded, weights, channels;
};

// One thread for each element of the results.
extern "C" __global__ void __launch_bounds__(256) padWeights(const Padding args)
{
    int e = blockIdx.x * blockDim.x + threadIdx.x;
    const int size = (args.padded + args.weights) * args.channels;
    if (e < size) {
        const int row = e / args.channels;
        const int from = row < args.padded ? row : row - args.padded + args.rank;
        const bool isFilling = row >= args.rank && row < args.padded;
        put(args.wideProjection + e, isFilling ? 0.0f : args.projection[from * args.channels + (e - row * args.channels)]);
    } else if (e - size < args.channels * args.padded) {
        e -= size;
        const int channel = e / args.padded, i = e - channel * args.padded;
        put(args.wideTimeStep + e, i < args.rank ? args.timeStep[channel * args.rank + i] : 0.0f);
    }
}

struct PartSum {
    const void* parts;  // (orders, B, segments, rows, channels)
    scalar* sum;        // (B, rows, channels), strided
    long long batch;    // strides of the sum
    long long row;
    long long rows;
    int orders, batches, segments, channels;
    float scale;
    int padding;
};

template <typename T, int COUNT>
struct __align__(sizeof(T) * COUNT < 16 ? sizeof(T) * COUNT : 16) Together {
    T values[COUNT];
};

// sum = scale · Σ parts over orders and segments, in that order. One thread for each COUNT neighbouring channels of one batch entry;
// grid (⌈rows · channels / COUNT / 256⌉, B).
template <typename Part, int COUNT>
__device__ __forceinline__ void sumParts(const PartSum& args)
{
    const long long e = ((long long)blockIdx.x * blockDim.x + threadIdx.x) * COUNT;
    const long long size = args.rows * args.channels;
    if (e >= size) {
        return;
    }
    const Part* parts = (const Part*)args.parts + e;
    float sums[COUNT] = {};
    for (int order = 0; order < args.orders; order++) {
        for (int segment = 0; segment < args.segments; segment++) {
            const long long part = ((long long)order * args.batches + blockIdx.y) * args.segments + segment;
            const Together<Part, COUNT> x = *(const Together<Part, COUNT>*)(parts + part * size);
#pragma unroll
            for (int i = 0; i < COUNT; i++) {
                sums[i] += toFloat(x.values[i]);
            }
        }
    }
    Together<scalar, COUNT> sum;
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
        put(&sum.values[i], args.scale * sums[i]);
    }
    const long long row = e / args.channels;
    *(Together<scalar, COUNT>*)(args.sum + blockIdx.y * args.batch + row * args.row + (e - row * args.channels)) = sum;
}

extern "C" __global__ void __launch_bounds__(256) sumOfScalars(const PartSum args) { sumParts<scalar, 1>(args); }

extern "C" __global__ void __launch_bounds__(256) sumOfFloats(const PartSum args) { sumParts<float, 1>(args); }

// The same where places and distances are multiples of 16 bytes.
extern "C" __global__ void __launch_bounds__(256) sumOfScalarsTogether(const PartSum args) { sumParts<scalar, PACK>(args); }

extern "C" __global__ void __launch_bounds__(256) sumOfFloatsTogether(const PartSum args) { sumParts<float, PACK>(args); }
