namespace MedSegDsl

/// The paper's multi-scale schemes.
type MultiScale =
    /// ES1 and ES2 embed at 3³ and 7³, each with its own mixer layers, fused after them.
    | MSv1
    /// ES1 and ES2 embed at 3³ and 7³, fused before one chain of mixer layers.
    | MSv2
    /// ES1 and ES2 embed at 3³, 5³ and 7³, fused before one chain of mixer layers.
    | MSv3
    /// Mamba layers convolve at 3³, 5³ and 7³ and scan the results joined end to end.
    | MSv4
