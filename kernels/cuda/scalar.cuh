// The type of tensors in memory, and arithmetic that every kernel shares. Arithmetic itself is always in float.
//
// Constants set by the host: TYPE (0 float, 1 bfloat16, 2 half).
#pragma once

#ifndef TYPE
#define TYPE 0
#endif

struct bfloat16 {
    unsigned short bits;
};

struct half16 {
    unsigned short bits;
};

#if TYPE == 0
typedef float scalar;
#elif TYPE == 1
typedef bfloat16 scalar;
#else
typedef half16 scalar;
#endif

__device__ __forceinline__ float toFloat(float x) { return x; }

__device__ __forceinline__ float toFloat(bfloat16 x) { return __uint_as_float((unsigned)x.bits << 16); }

__device__ __forceinline__ float toFloat(half16 x)
{
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
    return y;
}

__device__ __forceinline__ void put(float* at, float x) { *at = x; }

__device__ __forceinline__ void put(bfloat16* at, float x)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(at->bits) : "f"(x));
#else
    // Round to nearest, ties to even; a NaN stays one.
    unsigned u = __float_as_uint(x);
    at->bits = x == x ? (unsigned short)((u + 0x7fffu + ((u >> 16) & 1u)) >> 16) : (unsigned short)0x7fff;
#endif
}

__device__ __forceinline__ void put(half16* at, float x)
{
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(at->bits) : "f"(x));
}

__device__ __forceinline__ float load(const scalar* at) { return toFloat(*at); }

constexpr float LOG2E = 1.44269504088896341f;
constexpr float LN2 = 0.69314718055994531f;

// 2^x by the special-function unit, to about two units in the last place.
__device__ __forceinline__ float exp2Fast(float x)
{
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

__device__ __forceinline__ float reciprocal(float x)
{
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

__device__ __forceinline__ float sigmoid(float x) { return reciprocal(1.0f + exp2Fast(-LOG2E * x)); }

// log(1 + exp(x)) with a small relative error everywhere: x > 0 ? x : 0, plus log1p(e) of e = exp(-|x|) in (0, 1], by a
// polynomial that interpolates log1p(e)/e at nine Chebyshev nodes (relative error 1.4e-7). The logarithm of the
// special-function unit has an absolute error only, too coarse for the small time steps that Mamba starts from.
__device__ __forceinline__ float softplus(float x)
{
    float e = exp2Fast(-LOG2E * fabsf(x));
    float p = 0.005126102361828089f;
    p = fmaf(p, e, -0.029074065387248993f);
    p = fmaf(p, e, 0.0775160863995552f);
    p = fmaf(p, e, -0.13602247834205627f);
    p = fmaf(p, e, 0.19076880812644958f);
    p = fmaf(p, e, -0.2483539879322052f);
    p = fmaf(p, e, 0.3331812024116516f);
    p = fmaf(p, e, -0.4999944567680359f);
    p = fmaf(p, e, 0.9999999403953552f);
    return fmaf(p, e, fmaxf(x, 0.0f));
}
