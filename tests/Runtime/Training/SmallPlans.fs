/// Plans of all four configurations for the small dataset, with networks of two stages, and its cases preprocessed.
module MedSegDsl.Tests.Runtime.Training.SmallPlans

open System.IO
open MedSegDsl
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Planning
open MedSegDsl.Runtime.Preprocessing
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Progress
open MedSegDsl.Tests.Runtime

let private rows axes (rows: string list) =
    let row value =
        List.replicate axes value |> String.concat ", " |> sprintf "[%s]"

    rows |> List.map row |> String.concat ", " |> sprintf "[%s]"

/// A configuration whose network halves each axis once.
let private configuration name patch spacing further =
    let axes = List.length patch

    let list values =
        values |> List.map string |> String.concat ", "

    $"""
    "{name}": {{"data_identifier": "nnUNetPlans_{name}", "preprocessor_name": "DefaultPreprocessor", "batch_size": 2,
      "patch_size": [{list patch}], "median_image_size_in_voxels": [{list patch}], "spacing": [{list spacing}],
      "normalization_schemes": ["ZScoreNormalization", "ZScoreNormalization"], "use_mask_for_norm": [false, false],
      "resampling_fn_data": "resample_data_or_seg_to_shape",
      "resampling_fn_data_kwargs": {{"is_seg": false, "order": 3, "order_z": 0, "force_separate_z": null}},
      "resampling_fn_seg": "resample_data_or_seg_to_shape",
      "resampling_fn_seg_kwargs": {{"is_seg": true, "order": 1, "order_z": 0, "force_separate_z": null}},
      "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
      "resampling_fn_probabilities_kwargs": {{"is_seg": false, "order": 1, "order_z": 0, "force_separate_z": null}},
      "architecture": {{"network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {{"n_stages": 2, "features_per_stage": [4, 6], "kernel_sizes": {rows axes [ "3"; "3" ]},
          "strides": {rows axes [ "1"; "2" ]}, "n_conv_per_stage": [2, 1], "n_conv_per_stage_decoder": [1]}}}},
      {further} "batch_dice": true}}"""

let private intensities =
    """{"max": 3.0, "mean": 2.5, "median": 2.5, "min": 2.0, "percentile_00_5": 2.0, "percentile_99_5": 3.0, "std": 0.3}"""

/// The first two axes of the files change places.
let text =
    [
        configuration "2d" [ 8; 8 ] [ 1.5; 1.5 ] ""
        configuration "3d_lowres" [ 4; 8; 8 ] [ 2.0; 3.0; 3.0 ] "\"next_stage\": \"3d_cascade_fullres\","
        configuration "3d_fullres" [ 8; 8; 8 ] [ 1.0; 2.0; 1.5 ] ""
        "\"3d_cascade_fullres\": {\"inherits_from\": \"3d_fullres\", \"previous_stage\": \"3d_lowres\"}"
    ]
    |> String.concat ","
    |> sprintf
        """{"dataset_name": "%s", "plans_name": "nnUNetPlans", "original_median_spacing_after_transp": [1.0, 2.0, 1.5],
    "original_median_shape_after_transp": [14, 12, 16], "image_reader_writer": "NibabelIO", "transpose_forward": [1, 0, 2],
    "transpose_backward": [1, 0, 2], "foreground_intensity_properties_per_channel": {"0": %s, "1": %s}, "configurations": {%s}}"""
        SmallDataset.name
        intensities
        intensities

let plans () =
    Plans(MedSegDsl.Runtime.Files.PythonJson.Parse(text, "nnUNetPlans.json").AsObject(), "nnUNetPlans.json")

/// Raw, planned and preprocessed below a folder. Fold 0 validates the third case, fold 1 the first two.
let create root =
    let raw, _ = SmallDataset.create root

    let folders =
        NnUNetFolders(Path.Combine(root, "raw"), Path.Combine(root, "pre"), Path.Combine(root, "results"))

    let target = folders.PreprocessedDataset SmallDataset.name

    let write name =
        TemporaryFolder.write target [ name ] >> ignore

    write "nnUNetPlans.json" text
    write "dataset.json" SmallDataset.dataset

    let split train validation =
        Split(Array.ofList train, Array.ofList validation)

    Splits.Write(
        Path.Combine(target, Splits.FileName),
        [ split [ "c1"; "c2" ] [ "c3" ]; split [ "c3" ] [ "c1"; "c2" ] ]
    )

    DatasetPreprocessor(raw, target, Plans.ReadFrom(target, "nnUNetPlans"))
        .Run([| "2d"; "3d_lowres"; "3d_cascade_fullres" |], PreprocessingOptions(1, 1L <<< 30))

    folders

let experiment =
    Experiment.create { Id = 42; Name = "Small" } NnUNet.plain
    |> withEpochs 1<epoch>
    |> withIterations 2 1
    |> withDevice Device.Cpu

/// One training of a configuration.
let train folders configuration fold =
    let request =
        TrainingRequest(experiment |> withConfiguration configuration, folders, Fold.Index fold, 1)

    TrainingRun.Run(request, SilentProgress())

/// The image of a case as prediction takes it.
let image root case =
    Path.Combine(root, "raw", SmallDataset.name, "imagesTr", case + "_0000.nii.gz")
