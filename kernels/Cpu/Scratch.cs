using System.Runtime.InteropServices;

namespace MedSegDsl.Kernels;

/// <summary>A kernel's working memory for one task: zeroed arrays, each aligned to a cache line, freed together.</summary>
internal sealed unsafe class Scratch : IDisposable
{
    private const int Line = 64;
    private readonly List<nint> arrays = [];

    /// <summary>A zeroed array of floats.</summary>
    public float* Floats(int count) => (float*)Allocate((nuint)count * sizeof(float));

    /// <summary>A zeroed array of doubles.</summary>
    public double* Doubles(int count) => (double*)Allocate((nuint)count * sizeof(double));

    /// <summary>Frees all arrays.</summary>
    public void Dispose()
    {
        foreach (var array in arrays)
        {
            NativeMemory.AlignedFree((void*)array);
        }
        arrays.Clear();
    }

    private void* Allocate(nuint bytes)
    {
        var array = NativeMemory.AlignedAlloc(bytes, Line);
        NativeMemory.Clear(array, bytes);
        arrays.Add((nint)array);
        return array;
    }
}
