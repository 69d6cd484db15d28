/// U-Nets under the plans files of the golden data.
module MedSegDsl.Tests.Runtime.PlannedNetworkTests

open Expecto
open MedSegDsl
open MedSegDsl.Runtime.Files
open MedSegDsl.Runtime.Planning
open MedSegDsl.Tests.Runtime

let private configuration architecture =
    let text =
        """{"dataset_name": "Dataset001_X", "plans_name": "P", "original_median_spacing_after_transp": [1.0, 1.0, 1.0],
            "original_median_shape_after_transp": [9, 9, 9], "image_reader_writer": "NibabelIO",
            "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2],
            "foreground_intensity_properties_per_channel": {}, "configurations": {"3d_fullres": {
            "data_identifier": "d", "preprocessor_name": "DefaultPreprocessor", "batch_size": 2, "patch_size": [32, 32, 32],
            "median_image_size_in_voxels": [50, 50, 50], "spacing": [1.0, 1.0, 1.0],
            "normalization_schemes": [], "use_mask_for_norm": [],
            "resampling_fn_data": "f", "resampling_fn_data_kwargs": {"is_seg": false, "order": 3, "order_z": 0, "force_separate_z": null},
            "resampling_fn_seg": "f", "resampling_fn_seg_kwargs": {"is_seg": true, "order": 1, "order_z": 0, "force_separate_z": true},
            "resampling_fn_probabilities": "f", "resampling_fn_probabilities_kwargs": {}, "batch_dice": true, """
        + architecture
        + "}}}"

    Plans(PythonJson.Parse(text, "P.json").AsObject(), "P.json").Configuration "3d_fullres"

let private strides = "[[1, 1, 1], [1, 2, 2], [2, 2, 2]]"
let private kernels = "[[1, 3, 3], [3, 3, 3], [3, 3, 3]]"

let private later className blocks =
    $"\"architecture\": {{\"network_class_name\": \"dynamic_network_architectures.architectures.unet.{className}\", "
    + $"\"arch_kwargs\": {{\"n_stages\": 3, \"features_per_stage\": [32, 64, 128], \"kernel_sizes\": {kernels}, "
    + $"\"strides\": {strides}, \"{blocks}\": [1, 3, 4], \"n_conv_per_stage_decoder\": [1, 1]}}}}"

let private older =
    "\"UNet_class_name\": \"PlainConvUNet\", \"UNet_base_num_features\": 32, \"unet_max_num_features\": 320, "
    + "\"n_conv_per_stage_encoder\": [2, 2, 2], \"n_conv_per_stage_decoder\": [2, 2], "
    + $"\"pool_op_kernel_sizes\": {strides}, \"conv_kernel_sizes\": {kernels}"

let private sizes blocks decoder = {
    Encoder = [
        for i, stride in List.indexed [ Size3.cube 1; Size3.create 1 2 2; Size3.cube 2 ] ->
            {
                Channels = 32 <<< i
                Stride = stride
                Kernel = if i = 0 then Size3.create 1 3 3 else Size3.cube 3
                Blocks = List.item i blocks
            }
    ]
    Decoder = decoder
}

let private sizesOf (network: Network) =
    match network.Architecture with
    | Architecture.UNet { Sizes = Planned.Set sizes } -> sizes
    | other -> failtest $"{other} has no sizes"

let private resolved network text =
    PlannedNetwork.Resolve(network, configuration text) |> sizesOf

let tests =
    testList "planning/networks" [
        test "plans of nnU-Net 2.5 and later" {
            Expect.equal
                (resolved NnUNet.resEncL (later "ResidualEncoderUNet" "n_blocks_per_stage"))
                (sizes [ 1; 3; 4 ] [ 1; 1 ])
                "residual encoder"
        }

        test "older plans" {
            Expect.equal (resolved NnUNet.plain older) (sizes [ 2; 2; 2 ] [ 2; 2 ]) "plain"
            Expect.equal (resolved UMamba.bot older) (sizes [ 2; 2; 1 ] [ 2; 2 ]) "U-Mamba thins them out"
        }

        test "a network with sizes of its own does not look at the plans" {
            let network = PlannedNetwork.Resolve(UlikeMamba.tri, configuration "\"x\": 1")
            Expect.equal network UlikeMamba.tri "as it was"
        }

        test "lists of different lengths are an error that names the configuration" {
            TemporaryFolder.expectsLine [ "3d_fullres"; "3 stages" ] (fun () ->
                resolved
                    NnUNet.plain
                    (older.Replace(
                        "[2, 2, 2], \"n_conv_per_stage_decoder\"",
                        "[2, 2], \"n_conv_per_stage_decoder\""
                    ))
                |> ignore)
        }
    ]
