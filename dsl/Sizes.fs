namespace MedSegDsl

/// Three whole numbers along depth, height and width: a patch size in voxels, a kernel or a stride.
[<Struct>]
type Size3 = {
    /// Depth: the slowest axis, z in a NIfTI file.
    D: int
    /// Height: y.
    H: int
    /// Width: the fastest axis, x.
    W: int
} with

    /// D · H · W.
    member size.Volume = int64 size.D * int64 size.H * int64 size.W

    /// `D×H×W`, as the tables print it.
    override size.ToString() = $"{size.D}×{size.H}×{size.W}"

[<RequireQualifiedAccess>]
module Size3 =
    /// The size d × h × w.
    let create d h w = { D = d; H = h; W = w }

    /// The same number along every axis: a 3×3×3 kernel is `cube 3`.
    let cube n = create n n n

    /// Combines two sizes axis by axis.
    let map2 f (a: Size3) (b: Size3) =
        create (f a.D b.D) (f a.H b.H) (f a.W b.W)

    /// The axes in order D, H, W.
    let toList (size: Size3) = [ size.D; size.H; size.W ]
