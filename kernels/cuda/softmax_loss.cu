// Cross-entropy and soft Dice of exclusive classes in two passes over a class map (B, C, voxels): the sums that both are made of, and the
// derivative by the logits. With p = softmax, y = one-hot target, m = whether the voxel counts, w = its weight in the cross-entropy
// and a, b = the derivatives of the Dice term by Σ m·y·p and Σ m·p, the latter is
//   m · (p · (b − s + w) + y · (r − w))   with   r = p[label] · a[label],   s = r + Σ_c p·b.
//
// Constants set by the host: CLASSES.
#include "scalar.cuh"

constexpr int THREADS = 256;
constexpr int SUMS = 3 * CLASSES + 2;

struct SoftmaxLoss {
    const float* logits;          // (B, C, voxels)
    const long long* target;      // (B, voxels)
    float* partial;               // (B, chunks, 3·C + 2): Σ m·y·p, Σ m·p and Σ m·y of each class, Σ −m·log p[label], Σ m
    const float* byIntersection;  // a: (B, C), or null for 0
    const float* byPrediction;    // b: (B, C)
    const float* weight;          // w: one number, or null for 0
    float* gradient;              // (B, C, voxels)
    long long voxels;
    long long chunk;              // voxels of a block
    long long ignored;            // the label of voxels that do not count
    int chunks;
    int hasIgnored;
};

// p of a voxel, and −log p[label].
__device__ __forceinline__ float softmax(const SoftmaxLoss& args, const float* logits, long long label, float* p)
{
    float largest = -3.4e38f, own = 0.0f, sum = 0.0f;
#pragma unroll
    for (int c = 0; c < CLASSES; c++) {
        p[c] = logits[c * args.voxels];
        largest = fmaxf(largest, p[c]);
        own = c == label ? p[c] : own;
    }
#pragma unroll
    for (int c = 0; c < CLASSES; c++) {
        p[c] = exp2Fast(LOG2E * (p[c] - largest));
        sum += p[c];
    }
    const float inverse = 1.0f / sum;
#pragma unroll
    for (int c = 0; c < CLASSES; c++) {
        p[c] *= inverse;
    }
    return logf(sum) - (own - largest);
}

__device__ __forceinline__ bool counts(const SoftmaxLoss& args, long long label) { return !args.hasIgnored || label != args.ignored; }

__device__ __forceinline__ float sumOverWarp(float x)
{
#pragma unroll
    for (int lanes = 16; lanes > 0; lanes /= 2) {
        x += __shfl_xor_sync(0xffffffffu, x, lanes);
    }
    return x;
}

// Grid (chunks, B).
extern "C" __global__ void __launch_bounds__(THREADS) lossSums(const SoftmaxLoss args)
{
    __shared__ float warps[THREADS / 32][SUMS];
    const int batch = blockIdx.y;
    const long long end = min((blockIdx.x + 1) * args.chunk, args.voxels);
    const float* logits = args.logits + (long long)batch * CLASSES * args.voxels;
    const long long* target = args.target + batch * args.voxels;
    float sums[SUMS] = {};
    for (long long voxel = blockIdx.x * args.chunk + threadIdx.x; voxel < end; voxel += THREADS) {
        const long long label = target[voxel];
        if (!counts(args, label)) {
            continue;
        }
        float p[CLASSES];
        sums[3 * CLASSES] += softmax(args, logits + voxel, label, p);
        sums[3 * CLASSES + 1] += 1.0f;
#pragma unroll
        for (int c = 0; c < CLASSES; c++) {
            sums[c] += c == label ? p[c] : 0.0f;
            sums[CLASSES + c] += p[c];
            sums[2 * CLASSES + c] += c == label ? 1.0f : 0.0f;
        }
    }
#pragma unroll
    for (int i = 0; i < SUMS; i++) {
        const float sum = sumOverWarp(sums[i]);
        if (threadIdx.x % 32 == 0) {
            warps[threadIdx.x / 32][i] = sum;
        }
    }
    __syncthreads();
    for (int i = threadIdx.x; i < SUMS; i += THREADS) {
        float sum = 0.0f;
        for (int warp = 0; warp < THREADS / 32; warp++) {
            sum += warps[warp][i];
        }
        args.partial[((long long)batch * args.chunks + blockIdx.x) * SUMS + i] = sum;
    }
}

// Grid (⌈voxels / 256⌉, B).
extern "C" __global__ void __launch_bounds__(THREADS) lossGradient(const SoftmaxLoss args)
{
    __shared__ float a[CLASSES], b[CLASSES];
    const int batch = blockIdx.y;
    for (int c = threadIdx.x; c < CLASSES; c += THREADS) {
        a[c] = args.byIntersection ? args.byIntersection[batch * CLASSES + c] : 0.0f;
        b[c] = args.byIntersection ? args.byPrediction[batch * CLASSES + c] : 0.0f;
    }
    __syncthreads();
    const long long voxel = (long long)blockIdx.x * THREADS + threadIdx.x;
    if (voxel >= args.voxels) {
        return;
    }
    const long long label = args.target[batch * args.voxels + voxel];
    const float* logits = args.logits + (long long)batch * CLASSES * args.voxels + voxel;
    float* gradient = args.gradient + (long long)batch * CLASSES * args.voxels + voxel;
    if (!counts(args, label)) {
#pragma unroll
        for (int c = 0; c < CLASSES; c++) {
            gradient[c * args.voxels] = 0.0f;
        }
        return;
    }
    const float weight = args.weight ? *args.weight : 0.0f;
    float p[CLASSES], r = 0.0f, s = 0.0f;
    softmax(args, logits, label, p);
#pragma unroll
    for (int c = 0; c < CLASSES; c++) {
        r += c == label ? p[c] * a[c] : 0.0f;
        s = fmaf(p[c], b[c], s);
    }
    s += r;
#pragma unroll
    for (int c = 0; c < CLASSES; c++) {
        gradient[c * args.voxels] = fmaf(p[c], b[c] - s + weight, c == label ? r - weight : 0.0f);
    }
}
