namespace MedSegDsl

/// The volumes that a U-shape makes of a patch.
[<RequireQualifiedAccess>]
type UShapeShapes = {
    /// What goes in.
    Input: VolumeShape
    /// After the stem, and after the last upsampling.
    Stem: VolumeShape
    /// After each encoder stage, from the highest resolution to the lowest.
    Encoder: VolumeShape list
    /// After each decoder stage, from the lowest resolution upwards.
    Decoder: VolumeShape list
    /// The class map.
    Output: VolumeShape
}

/// Shape inference: the size of every volume, from the definition alone.
[<RequireQualifiedAccess>]
module UShapeShapes =
    /// The volumes of a valid U-shape for a patch (voxels), image channels and classes, background included.
    let infer (patch: Size3, channels: int, classes: int) (shape: UShape) =
        let stem =
            VolumeShape.create shape.Stem.Channels (VolumeShape.strided patch shape.Stem.Stride)

        let encoder =
            (stem, shape.Encoder)
            ||> List.scan (fun below stage ->
                VolumeShape.create stage.Channels (VolumeShape.strided below.Size stage.Stride))
            |> List.tail

        {
            UShapeShapes.Input = VolumeShape.create channels patch
            UShapeShapes.Stem = stem
            UShapeShapes.Encoder = encoder
            UShapeShapes.Decoder = encoder |> List.rev |> List.tail
            UShapeShapes.Output = VolumeShape.create classes patch
        }

    /// What the patch must be a multiple of along each axis: the product of all strides.
    let totalStride (shape: UShape) =
        (shape.Stem.Stride, shape.Encoder)
        ||> List.fold (fun total stage -> Size3.map2 (*) total stage.Stride)
