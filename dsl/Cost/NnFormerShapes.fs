namespace MedSegDsl

/// The volumes that an nnFormer makes of a patch.
[<RequireQualifiedAccess>]
type NnFormerShapes = {
    Input: VolumeShape
    /// After the embedding's first convolution.
    Half: VolumeShape
    /// Of each stage, from the highest resolution to the lowest.
    Stages: VolumeShape list
    /// The class map of each decoder stage, the patch's own size first.
    Maps: VolumeShape list
}

/// Shape inference.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module NnFormerShapes =
    /// The voxels of a token.
    let tokenSize (former: NnFormer) =
        Size3.map2 (*) former.FirstStride former.SecondStride

    /// The volumes of a valid nnFormer for a patch (voxels), image channels and classes, background included.
    let infer (patch: Size3, channels: int, classes: int) (former: NnFormer) =
        let half =
            VolumeShape.create (former.Channels / 2) (VolumeShape.strided patch former.FirstStride)

        let first =
            VolumeShape.create former.Channels (VolumeShape.strided half.Size former.SecondStride)

        let halved (volume: VolumeShape) =
            VolumeShape.create (2 * volume.Channels) (VolumeShape.strided volume.Size (Size3.cube 2))

        let stages =
            (first, List.tail former.Encoder) ||> List.scan (fun volume _ -> halved volume)

        {
            NnFormerShapes.Input = VolumeShape.create channels patch
            NnFormerShapes.Half = half
            NnFormerShapes.Stages = stages
            NnFormerShapes.Maps = [
                for stage in List.truncate former.Decoder.Length stages ->
                    VolumeShape.create classes (Size3.map2 (*) stage.Size (tokenSize former))
            ]
        }

    /// What the patch must be a multiple of along each axis.
    let multiple (former: NnFormer) =
        Size3.map2 (*) (tokenSize former) (Size3.cube (pown 2 (former.Encoder.Length - 1)))
