namespace MedSegDsl.Runtime.Imaging.Tiff;

/// <summary>What a TIFF file holds: pages of one size and type.</summary>
/// <param name="Pages">Number of pages.</param>
/// <param name="Height">Rows of a page.</param>
/// <param name="Width">Pixels of a row.</param>
/// <param name="Samples">Values of a pixel: 3 for colours.</param>
/// <param name="Type">How values are stored.</param>
/// <param name="IsStack">True for several pages, and for one that tifffile wrote as a stack.</param>
internal sealed record TiffLayout(int Pages, int Height, int Width, int Samples, VoxelType Type, bool IsStack);
