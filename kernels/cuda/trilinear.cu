// Trilinear interpolation of volumes (B, D, H, W, C), corners not aligned: of a result's voxel o, the place (o + ½) · in / out − ½ along each
// axis, at least 0. Gradients are gathered, voxel by voxel of x, from the results that read it: the same inputs give the same bits.
//
// Constants set by the host: TYPE; VECTOR, channels of a thread that are read together.
#include "scalar.cuh"

struct Extent {
    int d, h, w;
};

struct Trilinear {
    const scalar* x;  // (B, in, C); in the backward pass the gradient of the result, (B, out, C)
    scalar* y;        // (B, out, C); in the backward pass the gradient of x, (B, in, C)
    Extent in, out;
    float depth, height, width;  // in / out
    int columns;                 // C / VECTOR
    int padding;
};

struct __align__(sizeof(scalar) * VECTOR) Pack {
    scalar values[VECTOR];
};

// The two voxels between which result voxel o lies, and the share of the second.
struct Between {
    int first, second;
    float share;

    __device__ __forceinline__ Between(int o, float scale, int size)
    {
        const float place = fmaxf((o + 0.5f) * scale - 0.5f, 0.0f);
        first = min((int)place, size - 1);
        second = min(first + 1, size - 1);
        share = place - first;
    }

    // How much of result voxel o comes from voxel i.
    __device__ __forceinline__ float weightOf(int i) const
    {
        return (first == i ? 1.0f - share : 0.0f) + (second == i ? share : 0.0f);
    }
};

// The result voxels that may read voxel i.
struct Readers {
    int from, to;

    __device__ __forceinline__ Readers(int i, float scale, int in, int out)
        : from(i == 0 ? 0 : max(0, (int)floorf((i - 0.5f) / scale - 0.5f))),
          to(i == in - 1 ? out - 1 : min(out - 1, (int)ceilf((i + 1.5f) / scale - 0.5f)))
    {
    }
};

__device__ __forceinline__ void add(const Pack& x, float weight, float* sums)
{
#pragma unroll
    for (int c = 0; c < VECTOR; c++) {
        sums[c] = fmaf(weight, toFloat(x.values[c]), sums[c]);
    }
}

__device__ __forceinline__ void write(scalar* to, long long place, const float* sums)
{
    Pack pack;
#pragma unroll
    for (int c = 0; c < VECTOR; c++) {
        put(&pack.values[c], sums[c]);
    }
    ((Pack*)to)[place] = pack;
}

// One thread for each VECTOR channels of a result's voxel. Grid (⌈out.w · columns / 256⌉, out.h, B · out.d).
extern "C" __global__ void __launch_bounds__(256) resize(const Trilinear args)
{
    const int e = blockIdx.x * blockDim.x + threadIdx.x;
    if (e >= args.out.w * args.columns) {
        return;
    }
    const int w = e / args.columns, column = e - w * args.columns;
    const int batch = blockIdx.z / args.out.d, d = blockIdx.z - batch * args.out.d, h = blockIdx.y;
    const Between alongD(d, args.depth, args.in.d), alongH(h, args.height, args.in.h), alongW(w, args.width, args.in.w);
    const Pack* x = (const Pack*)args.x + column;
    float sums[VECTOR] = {};
#pragma unroll
    for (int i = 0; i < 2; i++) {
        const long long plane = (long long)batch * args.in.d + (i ? alongD.second : alongD.first);
        const float weightD = i ? alongD.share : 1.0f - alongD.share;
#pragma unroll
        for (int j = 0; j < 2; j++) {
            const long long row = (plane * args.in.h + (j ? alongH.second : alongH.first)) * args.in.w;
            const float weightH = weightD * (j ? alongH.share : 1.0f - alongH.share);
            add(x[(row + alongW.first) * args.columns], weightH * (1.0f - alongW.share), sums);
            add(x[(row + alongW.second) * args.columns], weightH * alongW.share, sums);
        }
    }
    write(args.y, (((long long)blockIdx.z * args.out.h + h) * args.out.w + w) * args.columns + column, sums);
}

// One thread for each VECTOR channels of a voxel of x. Grid (⌈in.w · columns / 256⌉, in.h, B · in.d).
extern "C" __global__ void __launch_bounds__(256) resizeGradient(const Trilinear args)
{
    const int e = blockIdx.x * blockDim.x + threadIdx.x;
    if (e >= args.in.w * args.columns) {
        return;
    }
    const int w = e / args.columns, column = e - w * args.columns;
    const int batch = blockIdx.z / args.in.d, d = blockIdx.z - batch * args.in.d, h = blockIdx.y;
    const Readers readersD(d, args.depth, args.in.d, args.out.d);
    const Readers readersH(h, args.height, args.in.h, args.out.h);
    const Readers readersW(w, args.width, args.in.w, args.out.w);
    const Pack* gradient = (const Pack*)args.x + column;
    float sums[VECTOR] = {};
    for (int i = readersD.from; i <= readersD.to; i++) {
        const float weightD = Between(i, args.depth, args.in.d).weightOf(d);
        if (weightD == 0.0f) {
            continue;
        }
        for (int j = readersH.from; j <= readersH.to; j++) {
            const float weightH = weightD * Between(j, args.height, args.in.h).weightOf(h);
            if (weightH == 0.0f) {
                continue;
            }
            const long long row = (((long long)batch * args.out.d + i) * args.out.h + j) * args.out.w;
            for (int k = readersW.from; k <= readersW.to; k++) {
                const float weight = weightH * Between(k, args.width, args.in.w).weightOf(w);
                if (weight != 0.0f) {
                    add(gradient[(row + k) * args.columns], weight, sums);
                }
            }
        }
    }
    write(args.y, (((long long)blockIdx.z * args.in.h + h) * args.in.w + w) * args.columns + column, sums);
}
