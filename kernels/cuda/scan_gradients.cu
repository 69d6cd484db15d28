// The selective scan, backward, second walk: the gradients. One block takes one chunk after the other of its share, each
// tile by tile from the chunk's end: it walks the tile forward to have the state every STEP tokens, then takes those steps
// in reverse, computing the STEP states again into registers. States are never stored for all tokens. All sums are taken in a
// fixed order, so that the same inputs give the same bits. Grid (shares, tiles of channels, B).
//
// Constants set by the host, beside those of scan.cuh: THREADS of a block, BLOCKS that a multiprocessor shall hold.
#include "scan.cuh"

constexpr int STEP = 4;
constexpr int STEPS = TILE / STEP;
constexpr int PER = GROUPS > 1 ? 2 : 1;         // neighbouring channels of one lane
constexpr int WARPS = THREADS / 32;
constexpr int CHANNELS = WARPS * LANES * PER;   // of a block
constexpr int TOKENS = THREADS / CHANNELS;      // tokens that the block treats together where a thread has one channel of a token
constexpr int AT_ONCE = 8;                      // of them, whose loads go out together

__device__ constexpr int powerOfTwo(int n) { return n <= 1 ? 1 : 2 * powerOfTwo((n + 1) / 2); }

// What a lane has after a sum of SIZE values over COUNT lanes: KEPT values; where there are fewer values than lanes, SHARING
// lanes have the same one.
template <int SIZE, int COUNT>
struct Split {
    static constexpr int KEPT = SIZE > COUNT ? SIZE / COUNT : 1;
    static constexpr int SHARING = SIZE > COUNT ? 1 : COUNT / SIZE;
};

constexpr int SUMS = powerOfTwo(2 * STATES);    // a lane's gradients of b and c of one token: STATES of b, STATES of c, zeros
constexpr int ITEMS = STEP * PER;               // tokens and channels of a lane in one step
typedef Split<SUMS, LANES> Weights;
typedef Split<ITEMS, GROUPS> Values;

struct Gradients {
    Scan scan;              // y holds the gradients of the outputs; states at the chunks' starts are not read
    const float* tiles;     // (B, tiles, N, D): states at the tiles' starts, or null for zero
    long long tileCount;
    const float* adjoint;   // (B, chunks, N, D): gradients that enter the chunks at their ends, or null for zero
    Rows du, ddelta, dz;    // dz: (B, S · L, D), a row for each token of each segment
    float* weights;         // (tiles of channels, B, S · L, 2N): gradients of b, then of c
    float* parameters;      // (B · shares, D, N + 2): gradients of a, of skip, of bias
    int share;              // chunks of one block
    int padding;
};

struct Tile {
    float weights[TILE][2 * PADDED];  // b, c
    float dt[TILE][CHANNELS];
    float x[TILE][CHANNELS];          // dt·u
    float dy[TILE][CHANNELS];
    float h[STEPS][PER * STATES][THREADS];
    int rows[TILE];
    int places[TILE];
    int outs[TILE];
};

// Sums each of SIZE values over the COUNT lanes that are STRIDE apart: the lane at position i of them then has the sums from
// i / SHARING · KEPT on. Half of the values change hands at each level, so that this takes SIZE exchanges rather than SIZE · log COUNT.
template <int SIZE, int COUNT, int STRIDE>
__device__ __forceinline__ void sumOverLanes(float* v)
{
    const int lane = threadIdx.x % 32;
    int size = SIZE;
#pragma unroll
    for (int other = COUNT * STRIDE / 2; other >= STRIDE; other /= 2) {
        if (size > 1) {
            size /= 2;
            const bool upper = lane & other;
#pragma unroll
            for (int i = 0; i < SIZE / 2; i++) {
                if (i < size) {
                    const float sent = upper ? v[i] : v[i + size];
                    const float own = upper ? v[i + size] : v[i];
                    v[i] = own + __shfl_xor_sync(0xffffffffu, sent, other);
                }
            }
        } else {
            v[0] += __shfl_xor_sync(0xffffffffu, v[0], other);
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) scanGradients(const Gradients args)
{
    // An array of its own: the compiler then knows that writing sums does not change what the next token reads.
    __shared__ float sums[2][STEP][WARPS][GROUPS * SUMS];
    Tile& tile = *(Tile*)sharedMemory;
    const Scan& s = args.scan;
    const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
    const int group = lane / LANES;
    const int batch = blockIdx.z;
    const int firstChannel = blockIdx.y * CHANNELS;
    const int own = (warp * LANES + lane % LANES) * PER;  // this lane's first channel in the block
    const int firstItem = group / Values::SHARING * Values::KEPT;
    const bool hasItems = group % Values::SHARING == 0;

    int d[PER];
    float bias[PER], skip[PER], decays[PER][STATES], decayGradients[PER][STATES];
#pragma unroll
    for (int p = 0; p < PER; p++) {
        d[p] = min(firstChannel + own + p, s.channels - 1);
        bias[p] = s.bias ? s.bias[d[p]] : 0.0f;
        skip[p] = s.skip ? s.skip[d[p]] : 0.0f;
        loadDecays(s.a, d[p], group, decays[p]);
#pragma unroll
        for (int j = 0; j < STATES; j++) {
            decayGradients[p][j] = 0.0f;
        }
    }
    float skipGradients[Values::KEPT], biasGradients[Values::KEPT];
#pragma unroll
    for (int i = 0; i < Values::KEPT; i++) {
        skipGradients[i] = biasGradients[i] = 0.0f;
    }

    const int firstOwn = min(firstChannel + own, s.channels - 1);
    const int lastPer = min(PER - 1, s.channels - 1 - firstOwn);
    const Column us(s.u, batch, firstOwn), deltas(s.delta, batch, firstOwn), zs(s.z, batch, firstOwn), dys(s.y, batch, firstOwn);
    const Column dus(args.du, batch, firstOwn), ddeltas(args.ddelta, batch, firstOwn), dzs(args.dz, batch, firstOwn);
    float* weights = args.weights + ((long long)blockIdx.y * gridDim.z + batch) * sequenceLength(s) * (2 * N);

    const int firstChunk = blockIdx.x * args.share;
    const int endChunk = min(firstChunk + args.share, s.chunks);
    const long long length = sequenceLength(s);
    for (int chunk = firstChunk; chunk < endChunk; chunk++) {
        float passed[PER][STATES];  // the gradient that comes back from the token after
#pragma unroll
        for (int p = 0; p < PER; p++) {
            loadStates(s, args.adjoint, s.chunks, batch, chunk, d[p], group, passed[p]);
        }
        const long long chunkStart = (long long)chunk * s.chunk;
        const long long chunkEnd = chunkStart + s.chunk < length ? chunkStart + s.chunk : length;
        for (long long start = chunkStart + (chunkEnd - chunkStart - 1) / TILE * TILE; start >= chunkStart; start -= TILE) {
            const int count = chunkEnd - start < TILE ? (int)(chunkEnd - start) : TILE;
            __syncthreads();
            stageTokens(s, start, TILE, tile.rows, tile.places, tile.outs);
            __syncthreads();
            stageWeights(s.b, batch, TILE, tile.rows, tile.weights[0], 2 * PADDED);
            stageWeights(s.c, batch, TILE, tile.rows, tile.weights[0] + PADDED, 2 * PADDED);
            {
                const int c = thread % CHANNELS;
                const int channel = min(firstChannel + c, s.channels - 1);
                const bool inside = firstChannel + c < s.channels;
                const float channelBias = s.bias ? s.bias[channel] : 0.0f;
                const Column u(s.u, batch, channel), delta(s.delta, batch, channel), z(s.z, batch, channel), gradient(s.y, batch, channel);
                for (int first = thread / CHANNELS; first < TILE; first += AT_ONCE * TOKENS) {
                    float us[AT_ONCE], deltas[AT_ONCE], zs[AT_ONCE], dys[AT_ONCE];
#pragma unroll
                    for (int i = 0; i < AT_ONCE; i++) {
                        const int t = min(first + i * TOKENS, TILE - 1);
                        us[i] = u.get(tile.rows[t]);
                        deltas[i] = delta.get(tile.rows[t]);
                        dys[i] = gradient.get(tile.outs[t]);
                        zs[i] = GATED ? z.get(tile.places[t]) : 0.0f;
                    }
#pragma unroll
                    for (int i = 0; i < AT_ONCE; i++) {
                        const int t = first + i * TOKENS;
                        // Past the end: the last token's values, with a time step and a gradient of zero.
                        const bool valid = inside && t < count;
                        const float dt = valid ? timeStep(deltas[i] + channelBias) : 0.0f;
                        if (t < TILE) {
                            tile.dt[t][c] = dt;
                            tile.x[t][c] = dt * us[i];
                            tile.dy[t][c] = valid ? dys[i] * (GATED ? zs[i] * sigmoid(zs[i]) : 1.0f) : 0.0f;
                        }
                    }
                }
            }
            __syncthreads();

            // Forward: the state at every step's start.
            {
                float h[PER][STATES];
#pragma unroll
                for (int p = 0; p < PER; p++) {
                    loadStates(s, args.tiles, args.tileCount, batch, start / TILE, d[p], group, h[p]);
                }
                for (int step = 0; step < STEPS; step++) {
#pragma unroll
                    for (int p = 0; p < PER; p++) {
#pragma unroll
                        for (int j = 0; j < STATES; j++) {
                            tile.h[step][p * STATES + j][thread] = h[p][j];
                        }
                    }
                    if (step + 1 < STEPS) {
#pragma unroll
                        for (int k = 0; k < STEP; k++) {
                            const int t = step * STEP + k;
                            float b[STATES];
                            readWeights(tile.weights[t] + group * STATES, b);
#pragma unroll
                            for (int p = 0; p < PER; p++) {
                                const float dt = tile.dt[t][own + p], x = tile.x[t][own + p];
#pragma unroll
                                for (int j = 0; j < STATES; j++) {
                                    h[p][j] = fmaf(exp2Fast(dt * decays[p][j]), h[p][j], x * b[j]);
                                }
                            }
                        }
                    }
                }
            }

            // Backward, step by step.
            for (int step = STEPS - 1; step >= 0; step--) {
                // What each lane needs in the end for its share of the step's tokens and channels, asked for early.
                float itemDelta[Values::KEPT], itemU[Values::KEPT], itemZ[Values::KEPT], itemDy[Values::KEPT];
                int itemRow[Values::KEPT];
#pragma unroll
                for (int i = 0; i < Values::KEPT; i++) {
                    const int t = step * STEP + (firstItem + i) / PER, p = min((firstItem + i) % PER, lastPer);
                    itemRow[i] = tile.rows[t];
                    itemDelta[i] = load(deltas.at(itemRow[i]) + p);
                    itemU[i] = load(us.at(itemRow[i]) + p);
                    if (GATED) {
                        itemZ[i] = load(zs.at(tile.places[t]) + p);
                        itemDy[i] = load(dys.at(tile.outs[t]) + p);
                    }
                }

                float h[STEP + 1][PER][STATES], decay[STEP][PER][STATES];
#pragma unroll
                for (int p = 0; p < PER; p++) {
#pragma unroll
                    for (int j = 0; j < STATES; j++) {
                        h[0][p][j] = tile.h[step][p * STATES + j][thread];
                    }
                }
#pragma unroll
                for (int k = 0; k < STEP; k++) {
                    const int t = step * STEP + k;
                    float b[STATES];
                    readWeights(tile.weights[t] + group * STATES, b);
#pragma unroll
                    for (int p = 0; p < PER; p++) {
                        const float dt = tile.dt[t][own + p], x = tile.x[t][own + p];
#pragma unroll
                        for (int j = 0; j < STATES; j++) {
                            decay[k][p][j] = exp2Fast(dt * decays[p][j]);
                            h[k + 1][p][j] = fmaf(decay[k][p][j], h[k][p][j], x * b[j]);
                        }
                    }
                }

                float gb[ITEMS], gah[ITEMS], ch[ITEMS];  // Σ g·b, Σ g·a·h of the token before, Σ c·h
#pragma unroll
                for (int k = STEP - 1; k >= 0; k--) {
                    const int t = step * STEP + k;
                    float b[STATES], c[STATES];
                    readWeights(tile.weights[t] + group * STATES, b);
                    readWeights(tile.weights[t] + PADDED + group * STATES, c);
                    float v[SUMS];
#pragma unroll
                    for (int i = 0; i < SUMS; i++) {
                        v[i] = 0.0f;
                    }
#pragma unroll
                    for (int p = 0; p < PER; p++) {
                        const int item = k * PER + p;
                        const float dt = tile.dt[t][own + p], x = tile.x[t][own + p], dy = tile.dy[t][own + p];
                        gb[item] = gah[item] = ch[item] = 0.0f;
#pragma unroll
                        for (int j = 0; j < STATES; j++) {
                            const float g = fmaf(c[j], dy, passed[p][j]);
                            passed[p][j] = decay[k][p][j] * g;
                            const float q = passed[p][j] * h[k][p][j];
                            decayGradients[p][j] = fmaf(dt, q, decayGradients[p][j]);
                            gah[item] = fmaf(decays[p][j], q, gah[item]);
                            gb[item] = fmaf(g, b[j], gb[item]);
                            if (GATED) {
                                ch[item] = fmaf(h[k + 1][p][j], c[j], ch[item]);
                            }
                            v[j] = fmaf(g, x, v[j]);
                            v[STATES + j] = fmaf(dy, h[k + 1][p][j], v[STATES + j]);
                        }
                    }
                    sumOverLanes<SUMS, LANES, 1>(v);
                    if (lane % LANES % Weights::SHARING == 0) {
#pragma unroll
                        for (int i = 0; i < Weights::KEPT; i++) {
                            sums[step % 2][k][warp][group * SUMS + lane % LANES / Weights::SHARING * Weights::KEPT + i] = v[i];
                        }
                    }
                }
                sumOverLanes<ITEMS, GROUPS, LANES>(gb);
                sumOverLanes<ITEMS, GROUPS, LANES>(gah);
                if (GATED) {
                    sumOverLanes<ITEMS, GROUPS, LANES>(ch);
                }

                // Each lane finishes its share.
#pragma unroll
                for (int i = 0; i < Values::KEPT; i++) {
                    const int t = step * STEP + (firstItem + i) / PER, p = (firstItem + i) % PER;
                    if (hasItems && t < count && firstChannel + own + p < s.channels) {
                        const float itemSkip = p ? skip[PER - 1] : skip[0];
                        const float raw = itemDelta[i] + (p ? bias[PER - 1] : bias[0]);
                        if (GATED) {
                            const float gate = sigmoid(itemZ[i]);
                            const float y = fmaf(itemSkip, itemU[i], ch[i]);
                            const float slope = gate * fmaf(itemZ[i], 1.0f - gate, 1.0f);
                            put(dzs.at(itemRow[i]) + p, itemDy[i] * y * slope);
                        }
                        const float dy = tile.dy[t][own + p];
                        const float ddelta = fmaf(itemU[i], gb[i], LN2 * gah[i]) * (SOFTPLUS ? sigmoid(raw) : 1.0f);
                        put(dus.at(itemRow[i]) + p, fmaf(itemSkip, dy, tile.dt[t][own + p] * gb[i]));
                        put(ddeltas.at(itemRow[i]) + p, ddelta);
                        skipGradients[i] = fmaf(dy, itemU[i], skipGradients[i]);
                        biasGradients[i] += ddelta;
                    }
                }

                __syncthreads();
                // The sums over the block's warps; the next step writes to the other half.
                for (int e = thread; e < STEP * 2 * N; e += THREADS) {
                    const int k = e / (2 * N), i = e - k * 2 * N;
                    const int n = i < N ? i : i - N;
                    const int from = n / STATES * SUMS + n % STATES + (i < N ? 0 : STATES);
                    float sum = 0.0f;
#pragma unroll
                    for (int w = 0; w < WARPS; w++) {
                        sum += sums[step % 2][k][w][from];
                    }
                    const int t = step * STEP + k;
                    if (t < count) {
                        weights[(long long)tile.rows[t] * (2 * N) + i] = sum;
                    }
                }
            }
        }
    }

    const long long share = (long long)batch * gridDim.x + blockIdx.x;
#pragma unroll
    for (int p = 0; p < PER; p++) {
        const int channel = firstChannel + own + p;
#pragma unroll
        for (int j = 0; j < STATES; j++) {
            const int n = group * STATES + j;
            if (channel < s.channels && n < N) {
                args.parameters[(share * s.channels + channel) * (N + 2) + n] = decayGradients[p][j];
            }
        }
    }
    // The lanes with the same channel, in order.
    __syncthreads();
    float* skips = (float*)sharedMemory;
    float* biases = skips + THREADS * Values::KEPT;
#pragma unroll
    for (int i = 0; i < Values::KEPT; i++) {
        skips[thread * Values::KEPT + i] = skipGradients[i];
        biases[thread * Values::KEPT + i] = biasGradients[i];
    }
    __syncthreads();
    const int channel = firstChannel + thread;
    if (thread < CHANNELS && channel < s.channels) {
        float skipSum = 0.0f, biasSum = 0.0f;
        for (int g = 0; g < GROUPS; g++) {
            const int from = thread / (LANES * PER) * 32 + g * LANES + thread % (LANES * PER) / PER;
            for (int i = 0; i < Values::KEPT; i++) {
                if ((g / Values::SHARING * Values::KEPT + i) % PER == thread % PER) {
                    skipSum += skips[from * Values::KEPT + i];
                    biasSum += biases[from * Values::KEPT + i];
                }
            }
        }
        float* to = args.parameters + (share * s.channels + channel) * (N + 2) + N;
        to[0] = skipSum;
        to[1] = biasSum;
    }
}
