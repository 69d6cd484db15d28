/// UNETR and its relatives as definitions.
module MedSegDsl.Tests.Dsl.UnetrTests

open Expecto
open MedSegDsl

let private costOf input network =
    match NetworkCost.ofNetwork input network with
    | Ok cost -> cost
    | Error errors -> failtest (DslError.render errors)

let private withoutCrossAttention =
    mapMixers (function
        | Mixer.Vit mixer ->
            Mixer.Vit {
                mixer with
                    UnusedCrossAttention = false
            }
        | other -> other)

/// In millions, as printed in table 2 of the 3D UX-Net paper (Lee et al. 2023) for one channel, 96³ voxels and FLARE's
/// five classes; MONAI's ViT layers had no cross-attention then.
let private printed = [
    "UNETR", Unetr.unetr |> withoutCrossAttention, 92.8
    "SwinUNETR", Unetr.swinUnetrV1, 62.2
    "3D UX-Net", Unetr.uxNet, 53.0
]

/// Numbers in the layers of ge-xing/SegMamba (model_segmamba/segmamba.py) for one channel and two classes.
let private segMambaCount =
    let conv kernel inputs outputs = pown kernel 3 * inputs * outputs
    let biased kernel inputs outputs = conv kernel inputs outputs + outputs

    let mamba c =
        let inner, rank = 2L * c, c / 16L

        let order =
            16L * inner
            + inner
            + (4L * inner + inner)
            + inner * (rank + 32L)
            + (rank * inner + inner)

        2L * c + c * 2L * inner + 3L * order + inner * c

    let residual inputs outputs =
        conv 3L inputs outputs
        + conv 3L outputs outputs
        + if inputs = outputs then 0L else inputs * outputs

    let up inputs outputs =
        conv 2L inputs outputs + residual (2L * outputs) outputs

    let widths = [ 48L; 96L; 192L; 384L ]

    let encoder =
        biased 7L 1L 48L
        + List.sum [ for c in List.take 3 widths -> biased 2L c (2L * c) ]
        + List.sum [
            for c in widths ->
                2L * mamba c
                + 2L * biased 3L c c
                + 2L * biased 1L c c
                + biased 1L c (2L * c)
                + biased 1L (2L * c) c
        ]

    let skips = residual 1L 48L + List.sum [ for c in widths -> residual c (2L * c) ]

    let decoder = List.sum [ for c in widths -> up (2L * c) c ]
    encoder + skips + decoder + residual 48L 48L + biased 1L 48L 2L

let private inWindows change =
    mapUnetr (fun unetr ->
        match unetr.Encoder with
        | UnetrEncoder.Windows pyramid -> {
            unetr with
                Encoder = UnetrEncoder.Windows(change pyramid)
          }
        | _ -> unetr)

let private inColumn (change: TokenColumn -> TokenColumn) =
    mapUnetr (fun unetr ->
        match unetr.Encoder with
        | UnetrEncoder.Column column -> {
            unetr with
                Encoder = UnetrEncoder.Column(change column)
          }
        | _ -> unetr)

let private swin change =
    mapMixers (function
        | Mixer.Swin mixer -> Mixer.Swin(change mixer)
        | other -> other)

let private stagePaths field = [ for index in 0..3 -> $"architecture.encoder.stages[{index}].{field}" ]

/// Breakages, each with the paths of the errors that it makes.
let private breakages: (Network * string list) list = [
    Unetr.unetr |> mapUnetr (fun unetr -> { unetr with Channels = 0 }), [ "architecture.channels" ]
    Unetr.unetr |> inColumn (fun column -> { column with TokenSize = 8 }),
    [ "architecture.encoder.tokenSize" ]
    Unetr.unetr |> inColumn (fun column -> { column with Taps = [ 4; 3; 13 ] }),
    [ "architecture.encoder.taps[1]"; "architecture.encoder.taps[2]" ]
    Unetr.unetr |> inColumn (fun column -> { column with Channels = 770 }),
    [ "architecture.encoder.mixer.heads" ]
    Unetr.unetr |> inColumn (fun column -> { column with Dropout = 1.0 }), [ "architecture.encoder.dropout" ]
    Unetr.swinUnetrV1 |> inWindows (fun pyramid -> { pyramid with Stages = [] }),
    [ "architecture.encoder.stages" ]
    Unetr.swinUnetrV1 |> swin (fun mixer -> { mixer with Heads = 7 }), stagePaths "mixer.heads"
    Unetr.swinUnetrV1
    |> swin (fun mixer -> {
        mixer with
            Window = Size3.create 7 0 7
            DropPath = { First = -0.1; Step = 0.0 }
    }),
    stagePaths "mixer.dropPath.first" @ stagePaths "mixer.window.h"
    Unetr.swinUnetrV1 |> withDepth 0, stagePaths "depth"
    Unetr.swinUnetrV1 |> withNorm (Norm.Group 5), [ "norm.groups" ]
    Unetr.uxNet
    |> mapMixers (fun _ ->
        Mixer.Ux {
            Kernel = 6
            Expansion = 4
            LayerScale = 0.0
            DropPath = DropPath.none
        }),
    stagePaths "mixer.kernel" @ stagePaths "mixer.layerScale"
]

let private paths result =
    match result with
    | Ok _ -> []
    | Error(errors: DslError list) -> List.sort [ for error in errors -> error.Path ]

let tests =
    testList "dsl/unetr" [
        for name, network, millions in printed do
            test $"{name} has the {millions} M parameters that are printed" {
                let count = (network |> costOf (Size3.cube 96, 1, 5)).Total.ParameterCount
                Expect.isLessThan (abs (float count / 1e6 - millions)) 0.05 $"{count} parameters"
            }

        test "SegMamba has the parameters of the repository's layers" {
            let parameters = (Unetr.segMamba |> costOf (Size3.cube 128, 1, 2)).Total.Parameters

            Expect.equal (parameters |> List.sumBy _.Count) segMambaCount "counted by hand"
            Expect.equal segMambaCount 67_362_674L "67.36 M"

            // What the Mamba layers of mamba_ssm's fork (bimamba v3) are called.
            let layer = "vit.stages.1.0.mamba"
            let names = Set [ for p in parameters -> p.Name ]

            let orders =
                [ ""; "_b"; "_s" ]
                |> List.collect (fun order -> [
                    $"{layer}.A{order}_log"
                    $"{layer}.D{order}"
                    $"{layer}.conv1d{order}.weight"
                    $"{layer}.x_proj{order}.weight"
                    $"{layer}.dt_proj{order}.bias"
                ])

            Expect.isSubset (Set orders) names "each order's own parameters"
        }

        for network, expected in breakages do
            test $"""{network.Name}: {String.concat ", " expected}""" {
                Expect.equal (paths (Network.validate network)) (List.sort expected) "every error, by path"
            }

        test "patches are rounded up as the published trainers do" {
            let patch = Size3.create 64 162 150

            for network, multiple, fitted in
                [
                    Unetr.unetr, 16, Size3.create 64 176 160
                    Unetr.swinUnetrV1, 32, Size3.create 64 192 160
                    Unetr.uxNet, 16, Size3.create 64 176 160
                ] do
                let text = string (Network.patchRule network)
                Expect.stringContains text $"multiples of {Size3.cube multiple}" network.Name
                Expect.equal (Network.fitPatch patch network) fitted network.Name

                Expect.equal
                    (paths (Network.validateFor (patch, 1, 2) network))
                    [ "patch.h"; "patch.w" ]
                    "another patch is refused with what would be right"
        }

        test "an instance norm over one voxel is refused" {
            Expect.equal
                (paths (Network.validateFor (Size3.cube 32, 1, 2) Unetr.swinUnetrV1))
                [ "patch" ]
                "32³ ends in one voxel"

            Expect.isOk
                (Network.validateFor (Size3.cube 16, 1, 2) Unetr.unetr)
                "one token, normed as two voxels"
        }

        test "the stages have the published sizes" {
            let cost = Unetr.swinUnetrV1 |> costOf (Size3.create 64 128 96, 1, 14)

            let volume row =
                (cost.Rows |> List.find (fun r -> r.Row = row)).Output

            let expected = [
                Row.Stem, VolumeShape.create 48 (Size3.create 32 64 48)
                Row.Encoder 1, VolumeShape.create 96 (Size3.create 16 32 24)
                Row.Encoder 3, VolumeShape.create 768 (Size3.create 2 4 3)
                Row.Decoder 0, VolumeShape.create 384 (Size3.create 4 8 6)
                Row.Decoder 4, VolumeShape.create 48 (Size3.create 64 128 96)
                Row.Head, VolumeShape.create 14 (Size3.create 64 128 96)
            ]

            for row, shape in expected do
                Expect.equal (volume row) shape $"{row}"
        }

        test "a window that does not fit costs its padding" {
            let firstStage (size: Size3) =
                (Unetr.swinUnetrV1 |> costOf (size, 1, 2)).Rows
                |> List.find (fun row -> row.Row = Row.Encoder 0)
                |> _.Cost.MultiplyAdds

            // 448 halves to 32 windows of 7; 64 to 32 voxels, for which there are 5 windows, 35 voxels.
            let voxels = float (firstStage (Size3.cube 64)) / 32.0 ** 3.0
            let whole = float (firstStage (Size3.cube 448)) / 224.0 ** 3.0
            Expect.isGreaterThan voxels whole "work for each voxel"
            Expect.isLessThan voxels (whole * (35.0 / 32.0) ** 3.0) "but not all of it is in windows"
        }
    ]
