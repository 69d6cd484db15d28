// The order in which a volume's tokens are visited.
#pragma once

// The most orders that one launch takes (PerOrder.cs).
constexpr int MOST_ORDERS = 8;

struct Path {
    const int* order;  // the visiting order of a random path; null for an order of axes
    int length;        // number of tokens
    int reversed;      // from the last token to the first
    int middle;        // sizes of the middle and the fastest axis
    int fast;
    int slowStride;    // tokens between neighbours along each axis
    int middleStride;
    int fastStride;
};

// The number (row-major) of the token that is visited i-th.
__device__ __forceinline__ int placeOf(const Path& path, int i)
{
    if (path.reversed) {
        i = path.length - 1 - i;
    }
    if (path.order) {
        return path.order[i];
    }
    int line = i / path.fast;
    int slow = line / path.middle;
    return slow * path.slowStride + (line - slow * path.middle) * path.middleStride + (i - line * path.fast) * path.fastStride;
}
