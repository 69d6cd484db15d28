// Instance normalisation of volumes with the channels last, and what follows it in a convolution block: y = f(x̂ · w + b + r), where
// x̂ = (x − mean) / √(variance + ε) over the voxels of a batch entry's channel, r is an optional volume, and f(v) = v for v > 0,
// else slope · v. A block has a chunk of the voxels and LANES · VECTOR channels; sums over chunks are taken in a fixed order, so that
// the same inputs give the same bits.
//
// Constants set by the host: TYPE; VECTOR, channels of a thread that are read together; LANES, threads side by side along the
// channels, a power of two; ADDED, whether there is an r.
#include "scalar.cuh"

constexpr int THREADS = 256;
constexpr int ROWS = THREADS / LANES;  // voxels that a block reads at once
constexpr int AT_ONCE = 4;             // of a thread's voxels, whose loads go out together

// A volume (B, voxels, C): strides in elements.
struct Voxels {
    scalar* data;
    long long batch;
    int row;
    int padding;
};

struct InstanceNorm {
    Voxels x, added;
    Voxels y;             // the result; in the backward pass its gradient
    Voxels dx, dadded;
    const float* weight;  // (C) or null for 1
    const float* bias;    // (C) or null for 0
    float* statistics;    // (B, 2, C): mean, 1 / √(variance + ε)
    float* partial;       // (B, chunks, 2, C): sums over a chunk's voxels
    float* means;         // (B, 2, C): means over all voxels of g and g·x̂, g the gradient of x̂ · w + b + r
    float* parameters;    // (2, C): gradients of w and of b
    long long voxels;
    long long chunk;      // voxels of a chunk
    int channels, batches, chunks;
    float epsilon, slope;
    int padding;
};

struct __align__(sizeof(scalar) * VECTOR) Pack {
    scalar values[VECTOR];
};

// Where a thread stands: its first channel, its first voxel in the block's chunk and the chunk's end.
struct Place {
    int lane, row, channel, batch;
    long long first, end;
    bool inside;

    __device__ __forceinline__ Place(const InstanceNorm& args)
        : lane(threadIdx.x % LANES), row(threadIdx.x / LANES), channel((blockIdx.y * LANES + lane) * VECTOR), batch(blockIdx.z)
    {
        first = blockIdx.x * args.chunk + row;
        end = min((blockIdx.x + 1) * args.chunk, args.voxels);
        inside = channel < args.channels;
    }
};

__device__ __forceinline__ scalar* at(const Voxels& from, const Place& place, long long voxel)
{
    return from.data + place.batch * from.batch + voxel * from.row + place.channel;
}

// A thread's next voxels, the last one again past the chunk's end.
__device__ __forceinline__ void fetch(const Voxels& from, const Place& place, long long voxel, Pack* to)
{
#pragma unroll
    for (int i = 0; i < AT_ONCE; i++) {
        const long long v = voxel + i * ROWS;
        to[i] = *(const Pack*)at(from, place, v < place.end ? v : place.end - 1);
    }
}

__device__ __forceinline__ void readParameters(const float* from, const Place& place, float otherwise, float* to)
{
#pragma unroll
    for (int c = 0; c < VECTOR; c++) {
        to[c] = from ? from[place.channel + c] : otherwise;
    }
}

// What turns x into x̂ · w + b.
struct Normal {
    float mean[VECTOR], inverse[VECTOR], weight[VECTOR], bias[VECTOR];

    __device__ __forceinline__ Normal(const InstanceNorm& args, const Place& place)
    {
        const float* statistics = args.statistics + (long long)place.batch * 2 * args.channels;
        readParameters(statistics, place, 0.0f, mean);
        readParameters(statistics + args.channels, place, 0.0f, inverse);
        readParameters(args.weight, place, 1.0f, weight);
        readParameters(args.bias, place, 0.0f, bias);
    }
};

// The block's sums of `first` and `second`, VECTOR each, over its voxels into its part of `partial`.
__device__ __forceinline__ void writeSums(const InstanceNorm& args, const Place& place, const float* first, const float* second)
{
    __shared__ float sums[2 * VECTOR][THREADS];
#pragma unroll
    for (int c = 0; c < VECTOR; c++) {
        sums[c][threadIdx.x] = first[c];
        sums[VECTOR + c][threadIdx.x] = second[c];
    }
    for (int half = ROWS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (place.row < half) {
#pragma unroll
            for (int c = 0; c < 2 * VECTOR; c++) {
                sums[c][threadIdx.x] += sums[c][threadIdx.x + half * LANES];
            }
        }
    }
    if (place.row == 0 && place.inside) {
        float* to = args.partial + ((long long)place.batch * args.chunks + blockIdx.x) * 2 * args.channels + place.channel;
#pragma unroll
        for (int c = 0; c < VECTOR; c++) {
            to[c] = sums[c][threadIdx.x];
            to[args.channels + c] = sums[VECTOR + c][threadIdx.x];
        }
    }
}

// Sums of x − k and its square, k the channel's first voxel: a mean far from zero costs the variance no digits. Grid (chunks,
// channels / (LANES · VECTOR), B).
extern "C" __global__ void __launch_bounds__(THREADS) instanceSums(const InstanceNorm args)
{
    const Place place(args);
    float sums[VECTOR] = {}, squares[VECTOR] = {};
    if (place.inside) {
        const Pack origin = *(const Pack*)at(args.x, place, 0);
        for (long long voxel = place.first; voxel < place.end; voxel += AT_ONCE * ROWS) {
            Pack x[AT_ONCE];
            fetch(args.x, place, voxel, x);
#pragma unroll
            for (int i = 0; i < AT_ONCE; i++) {
                if (voxel + i * ROWS < place.end) {
#pragma unroll
                    for (int c = 0; c < VECTOR; c++) {
                        const float away = toFloat(x[i].values[c]) - toFloat(origin.values[c]);
                        sums[c] += away;
                        squares[c] = fmaf(away, away, squares[c]);
                    }
                }
            }
        }
    }
    writeSums(args, place, sums, squares);
}

constexpr int SHARING = 8;  // threads that sum one channel's chunks

// The two sums of channel c of an entry over all chunks, valid in the threads of row 0. Block (32 channels, SHARING).
__device__ __forceinline__ void sumChunks(const InstanceNorm& args, int batch, int c, float& first, float& second)
{
    __shared__ float sums[2][SHARING][32];
    const int lane = threadIdx.x % 32, row = threadIdx.x / 32;
    first = second = 0.0f;
    if (c < args.channels) {
        const float* from = args.partial + (long long)batch * args.chunks * 2 * args.channels + c;
#pragma unroll 4
        for (int chunk = row; chunk < args.chunks; chunk += SHARING) {
            first += from[(long long)chunk * 2 * args.channels];
            second += from[((long long)chunk * 2 + 1) * args.channels];
        }
    }
    __syncthreads();
    sums[0][row][lane] = first;
    sums[1][row][lane] = second;
    __syncthreads();
    if (row == 0) {
        for (int i = 1; i < SHARING; i++) {
            first += sums[0][i][lane];
            second += sums[1][i][lane];
        }
    }
}

// Mean and 1 / √(variance + ε). Grid (⌈C / 32⌉, B).
extern "C" __global__ void __launch_bounds__(32 * SHARING) instanceStatistics(const InstanceNorm args)
{
    const int c = blockIdx.x * 32 + threadIdx.x % 32, batch = blockIdx.y;
    float sum, squares;
    sumChunks(args, batch, c, sum, squares);
    if (threadIdx.x < 32 && c < args.channels) {
        const float away = sum / args.voxels;
        const float variance = fmaxf(squares / args.voxels - away * away, 0.0f);
        float* to = args.statistics + (long long)batch * 2 * args.channels + c;
        to[0] = load(args.x.data + batch * args.x.batch + c) + away;
        to[args.channels] = rsqrtf(variance + args.epsilon);
    }
}

// The result. Grid as instanceSums.
extern "C" __global__ void __launch_bounds__(THREADS) instanceNormalize(const InstanceNorm args)
{
    const Place place(args);
    if (!place.inside) {
        return;
    }
    const Normal normal(args, place);
    for (long long voxel = place.first; voxel < place.end; voxel += AT_ONCE * ROWS) {
        Pack x[AT_ONCE], added[AT_ONCE];
        fetch(args.x, place, voxel, x);
        if (ADDED) {
            fetch(args.added, place, voxel, added);
        }
#pragma unroll
        for (int i = 0; i < AT_ONCE; i++) {
            if (voxel + i * ROWS < place.end) {
#pragma unroll
                for (int c = 0; c < VECTOR; c++) {
                    const float unit = (toFloat(x[i].values[c]) - normal.mean[c]) * normal.inverse[c];
                    float y = fmaf(unit, normal.weight[c], normal.bias[c]);
                    if (ADDED) {
                        y += toFloat(added[i].values[c]);
                    }
                    put(&x[i].values[c], y > 0.0f ? y : args.slope * y);
                }
                *(Pack*)at(args.y, place, voxel + i * ROWS) = x[i];
            }
        }
    }
}

// Of voxels that were fetched: x̂, and g, the gradient before f.
__device__ __forceinline__ void unitAndGradient(
    const InstanceNorm& args, const Normal& normal, const Pack& x, const Pack& added, const Pack& gradient, int c, float& unit, float& g)
{
    unit = (toFloat(x.values[c]) - normal.mean[c]) * normal.inverse[c];
    float y = fmaf(unit, normal.weight[c], normal.bias[c]);
    if (ADDED) {
        y += toFloat(added.values[c]);
    }
    g = toFloat(gradient.values[c]);
    g = y > 0.0f ? g : args.slope * g;
}

// Sums of g and g·x̂. Grid as instanceSums.
extern "C" __global__ void __launch_bounds__(THREADS) instanceGradientSums(const InstanceNorm args)
{
    const Place place(args);
    float sums[VECTOR] = {}, along[VECTOR] = {};
    if (place.inside) {
        const Normal normal(args, place);
        for (long long voxel = place.first; voxel < place.end; voxel += AT_ONCE * ROWS) {
            Pack x[AT_ONCE], gradient[AT_ONCE], added[AT_ONCE];
            fetch(args.x, place, voxel, x);
            fetch(args.y, place, voxel, gradient);
            if (ADDED) {
                fetch(args.added, place, voxel, added);
            }
#pragma unroll
            for (int i = 0; i < AT_ONCE; i++) {
                if (voxel + i * ROWS < place.end) {
#pragma unroll
                    for (int c = 0; c < VECTOR; c++) {
                        float unit, g;
                        unitAndGradient(args, normal, x[i], added[i], gradient[i], c, unit, g);
                        sums[c] += g;
                        along[c] = fmaf(g, unit, along[c]);
                    }
                }
            }
        }
    }
    writeSums(args, place, sums, along);
}

// Means of g and g·x̂ for each entry, and their sums over the batch: the gradients of b and w. Grid (⌈C / 32⌉).
extern "C" __global__ void __launch_bounds__(32 * SHARING) instanceGradientMeans(const InstanceNorm args)
{
    const int c = blockIdx.x * 32 + threadIdx.x % 32;
    float weight = 0.0f, bias = 0.0f;
    for (int batch = 0; batch < args.batches; batch++) {
        float sum, along;
        sumChunks(args, batch, c, sum, along);
        if (threadIdx.x < 32 && c < args.channels) {
            float* to = args.means + (long long)batch * 2 * args.channels + c;
            to[0] = sum / args.voxels;
            to[args.channels] = along / args.voxels;
            weight += along;
            bias += sum;
        }
    }
    if (threadIdx.x < 32 && c < args.channels) {
        args.parameters[c] = weight;
        args.parameters[args.channels + c] = bias;
    }
}

// dx = w / √(variance + ε) · (g − mean(g) − x̂ · mean(g·x̂)); the gradient of r is g. Grid as instanceSums.
extern "C" __global__ void __launch_bounds__(THREADS) instanceGradients(const InstanceNorm args)
{
    const Place place(args);
    if (!place.inside) {
        return;
    }
    const Normal normal(args, place);
    float mean[VECTOR], along[VECTOR];
    const float* means = args.means + (long long)place.batch * 2 * args.channels;
    readParameters(means, place, 0.0f, mean);
    readParameters(means + args.channels, place, 0.0f, along);
    for (long long voxel = place.first; voxel < place.end; voxel += AT_ONCE * ROWS) {
        Pack x[AT_ONCE], gradient[AT_ONCE], added[AT_ONCE];
        fetch(args.x, place, voxel, x);
        fetch(args.y, place, voxel, gradient);
        if (ADDED) {
            fetch(args.added, place, voxel, added);
        }
#pragma unroll
        for (int i = 0; i < AT_ONCE; i++) {
            if (voxel + i * ROWS < place.end) {
#pragma unroll
                for (int c = 0; c < VECTOR; c++) {
                    float unit, g;
                    unitAndGradient(args, normal, x[i], added[i], gradient[i], c, unit, g);
                    if (ADDED) {
                        put(&gradient[i].values[c], g);
                    }
                    put(&x[i].values[c], normal.inverse[c] * normal.weight[c] * (g - mean[c] - unit * along[c]));
                }
                *(Pack*)at(args.dx, place, voxel + i * ROWS) = x[i];
                if (ADDED) {
                    *(Pack*)at(args.dadded, place, voxel + i * ROWS) = gradient[i];
                }
            }
        }
    }
}
