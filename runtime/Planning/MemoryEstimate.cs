namespace MedSegDsl.Runtime.Planning;

/// <summary>The planner's measure of GPU memory: the number of feature-map values of one sample, without deep
/// supervision
/// (compute_conv_feature_map_size of MIC-DKFZ/dynamic-network-architectures).</summary>
public static class MemoryEstimate
{
    /// <summary>Convolutions of each stage of the plain network, encoder and decoder alike.</summary>
    public const int PlainConvolutions = 2;

    /// <summary>Residual blocks of encoder stage i: 1, 3, 4, 6, 6, ...</summary>
    public static int ResidualBlocks(int stage) => stage switch { 0 => 1, 1 => 3, 2 => 4, _ => 6 };

    /// <summary>The estimate for a plain network: two convolutions in each stage.</summary>
    /// <param name="patch">Voxels along each axis.</param>
    /// <param name="strides">Stride of each stage.</param>
    /// <param name="features">Channels of each stage.</param>
    /// <param name="outputs">Output channels; the planner takes the number of entries in dataset.json's
    /// labels.</param>
    public static long Plain(int[] patch, int[][] strides, int[] features, int outputs)
    {
        var voxels = Voxels(patch, strides);
        var sum = outputs * voxels[0];
        for (var stage = 0; stage < strides.Length; stage++)
        {
            var map = features[stage] * voxels[stage];
            sum += PlainConvolutions * map;
            if (stage < strides.Length - 1)
                sum += (PlainConvolutions + 1) * map;
        }

        return sum;
    }

    /// <summary>The estimate for a residual encoder with one convolution in each decoder stage.</summary>
    /// <param name="patch">Voxels along each axis.</param>
    /// <param name="strides">Stride of each stage.</param>
    /// <param name="features">Channels of each stage.</param>
    /// <param name="outputs">Output channels.</param>
    public static long Residual(int[] patch, int[][] strides, int[] features, int outputs)
    {
        var voxels = Voxels(patch, strides);
        var sum = outputs * voxels[0] + features[0] * voxels[0];
        var channels = features[0];
        for (var stage = 0; stage < strides.Length; stage++)
        {
            var map = features[stage] * voxels[stage];
            sum += 2 * ResidualBlocks(stage) * map;

            // The first block's shortcut is a convolution where it changes channels or size.
            if (features[stage] != channels || strides[stage].Any(stride => stride != 1))
                sum += map;
            if (stage < strides.Length - 1)
                sum += 2 * map;
            channels = features[stage];
        }

        return sum;
    }

    private static long[] Voxels(int[] patch, int[][] strides)
    {
        int[] size = [.. patch];
        var voxels = new long[strides.Length];
        for (var stage = 0; stage < strides.Length; stage++)
        {
            for (var axis = 0; axis < size.Length; axis++)
                size[axis] /= strides[stage][axis];
            voxels[stage] = size.Aggregate(1L, (product, edge) => product * edge);
        }

        return voxels;
    }
}
