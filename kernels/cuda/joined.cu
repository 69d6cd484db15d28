// Many small tensors as one vector: what an optimizer needs of several hundred parameters, in a few launches instead of one for each.

constexpr int MOST = 200;  // tensors of one launch: what a kernel's argument can hold
constexpr int PER_BLOCK = 8192;

struct Joined {
    float* tensors[MOST];        // contiguous
    long long starts[MOST + 1];  // where each begins in the vector, and where the last one ends
    float* vector;
    int count;
    int padding;
};

__device__ __forceinline__ int holderOf(const Joined& args, long long e)
{
    int low = 0, high = args.count - 1;
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        if (args.starts[middle] <= e) {
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
    const long long first = args.starts[0] + (long long)blockIdx.x * PER_BLOCK;
    const long long last = args.starts[args.count];
    const long long end = first + PER_BLOCK < last ? first + PER_BLOCK : last;
    int holder = holderOf(args, first);
    for (long long e = first + threadIdx.x; e < end; e += blockDim.x) {
        while (e >= args.starts[holder + 1]) {
            holder++;
        }
        float* tensor = args.tensors[holder] + (e - args.starts[holder]);
        if (ToVector) {
            args.vector[e] = *tensor;
        } else {
            *tensor += args.vector[e];
        }
    }
}

// The tensors into the vector. Grid (numbers / PER_BLOCK).
extern "C" __global__ void __launch_bounds__(256) joinTensors(const __grid_constant__ Joined args) { walk<true>(args); }

// The vector's parts added to the tensors.
extern "C" __global__ void __launch_bounds__(256) addToTensors(const __grid_constant__ Joined args) { walk<false>(args); }
