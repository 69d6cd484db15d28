module MedSegDsl.Tests.Runtime.PlansTests

open System.IO
open Expecto
open MedSegDsl.Runtime.Files
open MedSegDsl.Runtime.Planning
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

let private plansFiles = [
    for kind in [ "planned"; "plans" ] do
        for folder in Folder.folders [ "pipeline"; kind ] do
            for file in Folder.manifests [ "pipeline"; kind; folder ] do
                if (nonNull (Path.GetFileName file)).StartsWith "nnUNet" then
                    $"{kind}/{folder}/{Path.GetFileNameWithoutExtension file}", file
]

let private reads =
    testList "golden/plans files" [
        for name, file in plansFiles ->
            test name {
                let plans = Plans.Read file

                Expect.equal
                    (PythonJson.ToText plans.Json)
                    (File.ReadAllText file)
                    "written as nnU-Net writes it"

                for configuration in plans.ConfigurationNames do
                    let c = plans.Configuration configuration

                    Expect.equal
                        c.Architecture.Stages
                        c.Architecture.KernelSizes.Length
                        "a kernel for each stage"

                    Expect.equal
                        c.NormalizationSchemes.Length
                        plans.IntensityProperties.Count
                        "a scheme for each channel"
            }
    ]

let private small configurations =
    PythonJson
        .Parse(
            $$"""{"dataset_name": "Dataset001_X", "plans_name": "P", "original_median_spacing_after_transp": [1, 1.0, 1.0],
                 "original_median_shape_after_transp": [9, 9, 9], "image_reader_writer": "NibabelIO",
                 "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2],
                 "foreground_intensity_properties_per_channel": {}, "extra": {"kept": 1}, "configurations": {{configurations}}}""",
            "P.json"
        )
        .AsObject()

let private configuration rest =
    """{"data_identifier": "d", "preprocessor_name": "DefaultPreprocessor", "batch_size": 2, "patch_size": [32, 32, 32],
        "median_image_size_in_voxels": [50, 50, 50], "spacing": [1.0, 1.0, 1.0], "normalization_schemes": [], "use_mask_for_norm": [],
        "resampling_fn_data": "f", "resampling_fn_data_kwargs": {"is_seg": false, "order": 3, "order_z": 0, "force_separate_z": null},
        "resampling_fn_seg": "f", "resampling_fn_seg_kwargs": {"is_seg": true, "order": 1, "order_z": 0, "force_separate_z": true},
        "resampling_fn_probabilities": "f", "resampling_fn_probabilities_kwargs": {}, "batch_dice": true, """
    + rest
    + "}"

let tests =
    testList "" [
        reads
        testList "runtime/plans" [
            test "a child overwrites what it inherits" {
                let text =
                    "{\"a\": "
                    + configuration "\"x\": 1"
                    + ", \"b\": {\"inherits_from\": \"a\", \"batch_size\": 7, \"x\": 2}, \"c\": {\"inherits_from\": \"b\", \"previous_stage\": \"a\"}}"

                let c = Plans(small text, "P.json").Configuration "c"

                Expect.equal
                    (c.BatchSize, c.PreviousStage, string c.Json["x"])
                    (7, "a", "2")
                    "from b and its own"

                Expect.equal c.PatchSize [| 32; 32; 32 |] "from a"

                Expect.equal
                    (Option.ofNullable c.ResamplingSegmentation.ForceSeparateZ)
                    (Some true)
                    "separate axis"

                Expect.isFalse c.ResamplingData.ForceSeparateZ.HasValue "null"
            }
            test "inheriting in a circle" {
                let plans =
                    Plans(small """{"a": {"inherits_from": "b"}, "b": {"inherits_from": "a"}}""", "P.json")

                TemporaryFolder.expectsLine [ "P.json"; "inherits from itself" ] (fun () ->
                    plans.Configuration "a" |> ignore)
            }
            test "an unknown configuration" {
                let plans =
                    Plans(small ("{\"3d_fullres\": " + configuration "\"x\": 1" + "}"), "P.json")

                TemporaryFolder.expectsLine [ "P.json"; "3d_lowres"; "3d_fullres" ] (fun () ->
                    plans.Configuration "3d_lowres" |> ignore)
            }
            test "a wrong value is named with its place" {
                let text = "{\"a\": " + configuration "\"x\": 1, \"previous_stage\": 3" + "}"

                TemporaryFolder.expectsLine [ "P.json"; "configurations.a"; "previous_stage" ] (fun () ->
                    Plans(small text, "P.json").Configuration "a" |> ignore)
            }
            test "networks of plans from before version 2.4" {
                let old =
                    "\"UNet_class_name\": \"PlainConvUNet\", \"UNet_base_num_features\": 32, \"unet_max_num_features\": 320, "
                    + "\"n_conv_per_stage_encoder\": [2, 2, 2], \"n_conv_per_stage_decoder\": [2, 2], "
                    + "\"pool_op_kernel_sizes\": [[1, 1, 1], [2, 2, 2], [1, 2, 2]], \"conv_kernel_sizes\": [[1, 3, 3], [3, 3, 3], [3, 3, 3]]"

                let network =
                    (Plans(small ("{\"a\": " + configuration old + "}"), "P.json").Configuration "a")
                        .Architecture

                Expect.equal network.FeaturesPerStage [| 32; 64; 128 |] "features"
                Expect.equal network.KernelSizes[0] [| 1; 3; 3 |] "kernels"
                Expect.equal network.NetworkClassName PlannedArchitecture.PlainConvUNet "class"
            }
            test "no plans yet" {
                TemporaryFolder.using' (fun folder ->
                    TemporaryFolder.expectsLine [ "nnUNetPlans.json"; "plan the dataset" ] (fun () ->
                        Plans.ReadFrom(folder, "nnUNetPlans") |> ignore))
            }
        ]
    ]
