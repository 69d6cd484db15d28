namespace MedSegDsl

/// Shape inference of a MedNeXt.
[<RequireQualifiedAccess>]
module MedNeXtShapes =
    /// The volume at each resolution for a patch (voxels), from the full one to the lowest.
    let infer (patch: Size3) (shape: MedNeXt) : VolumeShape array = [|
        for level in 0 .. shape.Encoder.Length do
            let halvings = 1 <<< level

            VolumeShape.create (shape.Channels * halvings) (VolumeShape.strided patch (Size3.cube halvings))
    |]
