// Carries the chunks' summaries along the sequence, in place: each chunk's own contribution becomes what enters it, the
// state at its start, or in reverse the gradient that comes back to its end. Block (32 channels, SPANS spans of chunks), grid
// (channels / 32, N, B).
#include "scan.cuh"

constexpr int SPANS = 16;
constexpr int BATCH = 8;  // chunks whose summaries are loaded together

struct Carry {
    const float* a;        // (D, N)
    float* states;         // (B, chunks, N, D)
    const float* elapsed;  // (B, chunks, D)
    int channels;
    int chunks;
    int reversed;
};

extern "C" __global__ void __launch_bounds__(32 * SPANS) scanCarry(const Carry s)
{
    __shared__ float product[SPANS][32];
    __shared__ float ending[SPANS][32];
    const int lane = threadIdx.x % 32;
    const int span = threadIdx.x / 32;
    const int channel = blockIdx.x * 32 + lane;
    const int d = channel < s.channels ? channel : s.channels - 1;
    const int n = blockIdx.y;
    const long long first = (long long)blockIdx.z * s.chunks;
    const float decay = s.a[(long long)d * N + n] * LOG2E;

    const int size = (s.chunks + SPANS - 1) / SPANS;
    const int from = min(span * size, s.chunks);
    const int to = min(from + size, s.chunks);

    float state = 0.0f;
    float time = 0.0f;
    for (int write = 0; write < 2; write++) {
        if (write) {
            product[span][lane] = exp2Fast(decay * time);
            ending[span][lane] = state;
            __syncthreads();
            state = 0.0f;
            for (int before = 0; before < span; before++) {
                state = fmaf(product[before][lane], state, ending[before][lane]);
            }
        }
        for (int i = from; i < to; i += BATCH) {
            float own[BATCH], step[BATCH];
#pragma unroll
            for (int k = 0; k < BATCH; k++) {
                const long long chunk = first + (s.reversed ? s.chunks - 1 - (i + k) : i + k);
                own[k] = i + k < to ? s.states[(chunk * N + n) * s.channels + d] : 0.0f;
                step[k] = i + k < to ? s.elapsed[chunk * s.channels + d] : 0.0f;
            }
#pragma unroll
            for (int k = 0; k < BATCH; k++) {
                const long long chunk = first + (s.reversed ? s.chunks - 1 - (i + k) : i + k);
                if (write && i + k < to && channel < s.channels) {
                    s.states[(chunk * N + n) * s.channels + d] = state;
                }
                state = fmaf(exp2Fast(decay * step[k]), state, own[k]);
                time += step[k];
            }
        }
    }
}
