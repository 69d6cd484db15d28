namespace MedSegDsl.Runtime.Storage;

/// <summary>How a volume is cut into chunks of 32 × 32 × 32 voxels of one channel; those at the upper border
/// are smaller.</summary>
/// <param name="Shape">Channels and voxels along z, y, x.</param>
internal sealed record ChunkGrid(long[] Shape)
{
    /// <summary>Voxels of a chunk along each axis: small, so that a patch unpacks little that it does not
    /// need, and large enough for the compressor to find something.</summary>
    public const int Edge = 32;

    /// <summary>Voxels of a whole chunk.</summary>
    public const int Volume = Edge * Edge * Edge;

    private readonly int y = Chunks(Shape[2]);
    private readonly int x = Chunks(Shape[3]);

    /// <summary>Number of chunks.</summary>
    public long Count => Shape[0] * Chunks(Shape[1]) * y * x;

    /// <summary>The number of a chunk.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="z">Chunks before it along z.</param>
    /// <param name="yChunk">Chunks before it along y.</param>
    /// <param name="xChunk">Chunks before it along x.</param>
    public long Index(int channel, int z, int yChunk, int xChunk) => (((long)channel * Chunks(Shape[1]) + z) * y + yChunk) * x + xChunk;

    /// <summary>Chunks along an axis.</summary>
    public static int Chunks(long voxels) => (int)((voxels + Edge - 1) / Edge);

    /// <summary>Voxels of a chunk along an axis.</summary>
    /// <param name="axis">0 z, 1 y, 2 x.</param>
    /// <param name="chunk">Chunks before it along this axis.</param>
    public int Length(int axis, int chunk) => (int)Math.Min(Edge, Shape[axis + 1] - (long)chunk * Edge);
}
