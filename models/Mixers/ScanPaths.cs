using MedSegDsl.Kernels;

namespace MedSegDsl.Models;

/// <summary>From the DSL's scan orders to the ways that the operators read a volume.</summary>
public static class ScanPaths
{
    /// <summary>How a scan in this order reads a volume.</summary>
    public static ScanPath Of(ScanOrder order, Size3 size) => order switch
    {
        ScanOrder.Random random => ScanPath.Random(size.D, size.H, size.W, random.seed),
        { IsBackward: true } => ScanPath.Backward(size.D, size.H, size.W),
        { IsUpDown: true } => ScanPath.UpDown(size.D, size.H, size.W),
        { IsUpDownReversed: true } => ScanPath.UpDownReversed(size.D, size.H, size.W),
        { IsFrontBack: true } => ScanPath.FrontBack(size.D, size.H, size.W),
        { IsFrontBackReversed: true } => ScanPath.FrontBackReversed(size.D, size.H, size.W),
        _ => ScanPath.Forward(size.D, size.H, size.W),
    };
}
