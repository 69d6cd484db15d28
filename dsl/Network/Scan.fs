namespace MedSegDsl

/// One order in which a Mamba layer reads the tokens of a volume (D, H, W).
[<RequireQualifiedAccess>]
type ScanOrder =
    /// Row-major: axes (D, H, W), the last fastest.
    | Forward
    /// The volume flipped on all three axes: forward, from the last token to the first.
    | Backward
    /// Axes (D, W, H).
    | UpDown
    /// UpDown from its last token to its first.
    | UpDownReversed
    /// Axes (H, W, D).
    | FrontBack
    /// FrontBack from its last token to its first.
    | FrontBackReversed
    /// A fixed random permutation of the tokens, taken after the depthwise convolution.
    | Random of seed: int

/// A scan is a list of orders; the published ones have names.
type Scan = ScanOrder list

[<RequireQualifiedAccess>]
module Scan =
    /// Forward only.
    let single: Scan = [ ScanOrder.Forward ]

    /// Forward and backward.
    let dual: Scan = [ ScanOrder.Forward; ScanOrder.Backward ]

    /// Forward and a random permutation.
    let dualRandom seed : Scan = [ ScanOrder.Forward; ScanOrder.Random seed ]

    /// The three axes' orders (paper, section on scanning strategies).
    let tri: Scan = [ ScanOrder.Forward; ScanOrder.UpDown; ScanOrder.FrontBack ]

    /// The three orders of `tri`, each followed by its reverse.
    let sixWay: Scan = [
        ScanOrder.Forward
        ScanOrder.Backward
        ScanOrder.UpDown
        ScanOrder.UpDownReversed
        ScanOrder.FrontBack
        ScanOrder.FrontBackReversed
    ]
