namespace MedSegDsl

/// Shape inference of a SegFormer.
[<RequireQualifiedAccess>]
module SegFormerShapes =
    /// The volume of each stage for a patch (voxels), from the highest resolution to the lowest.
    let infer (patch: Size3) (shape: SegFormer) : VolumeShape array =
        (VolumeShape.create 0 patch, shape.Stages)
        ||> List.scan (fun above stage ->
            VolumeShape.create stage.Channels (VolumeShape.strided above.Size stage.Stride))
        |> List.tail
        |> Array.ofList
