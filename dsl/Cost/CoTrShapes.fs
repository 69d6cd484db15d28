/// Shape inference of a CoTr.
[<RequireQualifiedAccess>]
module internal MedSegDsl.CoTrShapes

/// The stem's volume and that of each encoder stage for a patch (voxels), from the highest resolution to the lowest.
let infer (patch: Size3) (shape: CoTr) =
    let stem =
        VolumeShape.create shape.Stem.Channels (VolumeShape.strided patch shape.Stem.Stride)

    (stem, shape.Encoder)
    ||> List.scan (fun above stage ->
        VolumeShape.create stage.Channels (VolumeShape.strided above.Size stage.Stride))

/// The input's size over that of each volume, along each axis.
let reductions (shape: CoTr) =
    (shape.Stem.Stride, shape.Encoder)
    ||> List.scan (fun total stage -> Size3.map2 (*) total stage.Stride)
