using System.Runtime.CompilerServices;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>Something for each order of one launch; as many of them as there are orders count.</summary>
[InlineArray(Most)]
internal struct PerOrder<T>
    where T : unmanaged
{
    /// <summary>The most orders of one launch (<c>MOST_ORDERS</c> in path.cuh).</summary>
    public const int Most = 8;

    private T first;

    /// <summary>From a list of at most <see cref="Most"/>.</summary>
    public static PerOrder<T> Of(IReadOnlyList<T> list)
    {
        var result = new PerOrder<T>();
        for (var i = 0; i < list.Count; i++)
        {
            result[i] = list[i];
        }
        return result;
    }
}
