// Many small tensors as one vector: what an optimizer needs of several hundred parameters, in one launch instead of one for each.

struct Joined {
    const long long* table;  // addresses of `count` contiguous tensors, then count + 1 places where each begins in the vector
    float* vector;
    long long size;
    int count;
    int padding;
};

constexpr int PER_BLOCK = 8192;

// The tensor that holds place e of the vector, at or after a tensor before it.
__device__ __forceinline__ int holderOf(const long long* starts, int holder, long long e)
{
    while (e >= starts[holder + 1]) {
        holder++;
    }
    return holder;
}

__device__ __forceinline__ int firstHolder(const long long* starts, int count, long long e)
{
    int low = 0, high = count - 1;
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        if (starts[middle] <= e) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

template <bool ToVector>
__device__ __forceinline__ void walk(const Joined& args)
{
    const long long* starts = args.table + args.count;
    const long long first = (long long)blockIdx.x * PER_BLOCK;
    const long long end = first + PER_BLOCK < args.size ? first + PER_BLOCK : args.size;
    int holder = firstHolder(starts, args.count, first);
    for (long long e = first + threadIdx.x; e < end; e += blockDim.x) {
        holder = holderOf(starts, holder, e);
        float* tensor = (float*)args.table[holder] + (e - starts[holder]);
        if (ToVector) {
            args.vector[e] = *tensor;
        } else {
            *tensor += args.vector[e];
        }
    }
}

// The tensors into the vector. Grid (size / PER_BLOCK).
extern "C" __global__ void __launch_bounds__(256) joinTensors(const Joined args) { walk<true>(args); }

// The vector's parts added to the tensors.
extern "C" __global__ void __launch_bounds__(256) addToTensors(const Joined args) { walk<false>(args); }
