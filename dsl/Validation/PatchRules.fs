/// What a patch, its channels and its classes must be for a network.
[<RequireQualifiedAccess>]
module internal MedSegDsl.PatchRules

let private multiple (stride: int) (value: int) =
    let below = value / stride * stride

    let nearest =
        if below = 0 then
            string stride
        else
            $"{below} or {below + stride}"

    Validation.check
        (value >= 1 && value % stride = 0)
        value
        $"a multiple of {stride}, the nearest being {nearest}"

let private divisible network (patch: Size3) =
    let stride = Shapes.totalStride network

    validation {
        let! () = multiple stride.D patch.D |> Validation.field "d"
        and! () = multiple stride.H patch.H |> Validation.field "h"
        and! () = multiple stride.W patch.W |> Validation.field "w"
        return ()
    }

/// Instance norm takes statistics over a volume, and training stops where that is a single voxel.
let private lowestVolume (network: Network) (shapes: Shapes) (patch: Size3) =
    match network.Norm with
    | Norm.Instance when (List.last shapes.Encoder).Tokens = 1L ->
        Validation.error
            patch
            "larger along one axis at least: instance norm needs two voxels in the lowest encoder stage"
    | _ -> Ok()

let private reduction (shape: VolumeShape) mixer =
    match mixer with
    | Mixer.Attention attention ->
        let side = Size3.toList shape.Size |> List.min

        Validation.check
            (attention.Reduction <= side)
            attention.Reduction
            $"{side} or less, the smallest side of the stage's {shape.Size} volume at this patch"
        |> Validation.field "mixer.reduction"
    | _ -> Ok()

let private reductions mixer (shapes: VolumeShape list) stages =
    List.zip shapes stages
    |> Validation.items (fun _ (shape, stage) -> reduction shape (mixer stage))

/// The patch of a valid network; the errors lie under `patch` and under the stages that it does not suit.
let patch (network: Network) (patch: Size3) = validation {
    let! () = divisible network patch |> Validation.field "patch"
    let shapes = Shapes.infer (patch, 1, 1) network
    let! () = lowestVolume network shapes patch |> Validation.field "patch"

    and! _ =
        reductions (fun (stage: EncoderStage) -> stage.Mixer) shapes.Encoder network.Encoder
        |> Validation.field "encoder"

    and! _ =
        reductions (fun (stage: DecoderStage) -> stage.Mixer) shapes.Decoder network.Decoder
        |> Validation.field "decoder"

    return ()
}
