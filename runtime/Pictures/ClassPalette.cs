using SkiaSharp;

namespace MedSegDsl.Runtime.Pictures;

/// <summary>
/// Colours of classes that readers with any colour vision can tell apart, on grey images too: the seven of Okabe and Ito
/// (Color Universal Design, 2008) in an order that keeps neighbours distinct, then the nine "muted" of Tol (Colour
/// Schemes, SRON/EPS/TN/09-002). More classes repeat them.
/// </summary>
public static class ClassPalette
{
    private static readonly SKColor[] Colours =
    [
        .. new uint[]
        {
            0xE69F00, 0x56B4E9, 0x009E73, 0xF0E442, 0xD55E00, 0xCC79A7, 0x0072B2,
            0x88CCEE, 0x999933, 0xAA4499, 0x44AA99, 0xDDCC77, 0x882255, 0x117733, 0xCC6677, 0x332288,
        }.Select(rgb => new SKColor(0xFF000000 | rgb)),
    ];

    /// <summary>The colour of the class at a place (from 0) of the dataset's list.</summary>
    public static SKColor Of(int index) => Colours[index % Colours.Length];
}
