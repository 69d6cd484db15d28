/// Preprocessing of one case against nnU-Net's figures: normalization, resampling, foreground locations, in memory.
module MedSegDsl.Bench.Preprocessing

open System
open System.Diagnostics
open System.IO
open System.Text.Json.Nodes
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Planning
open MedSegDsl.Runtime.Preprocessing
open MedSegDsl.Tests.Golden

type private Setting = {
    Channels: int
    Shape: int list
    NewShape: int list
    Labels: int
    /// How many times thicker than wide the slices are.
    Thickness: float
    /// Seconds of nnU-Net 2.8.1, one process and one thread, on a two-core server (golden README, section 7).
    NnUNet: float
}

let private setting channels shape newShape labels thickness nnUNet = {
    Channels = channels
    Shape = shape
    NewShape = newShape
    Labels = labels
    Thickness = thickness
    NnUNet = nnUNet
}

let private settings = [
    setting 1 [ 64; 64; 64 ] [ 80; 80; 80 ] 4 1.0 0.40
    setting 1 [ 128; 128; 128 ] [ 160; 160; 160 ] 4 1.0 3.03
    setting 1 [ 128; 128; 128 ] [ 91; 91; 91 ] 4 1.0 0.68
    setting 1 [ 60; 256; 256 ] [ 75; 320; 320 ] 4 5.0 4.94
    setting 1 [ 60; 256; 256 ] [ 75; 320; 320 ] 4 2.0 5.79
    setting 1 [ 100; 320; 320 ] [ 125; 366; 366 ] 6 2.0 12.27
    setting 4 [ 155; 190; 180 ] [ 124; 152; 144 ] 4 1.0 5.30
]

/// Plans whose one configuration turns the setting's shape into its new shape.
let private plans (setting: Setting) =
    let list (values: string seq) = "[" + String.Join(", ", values) + "]"

    let perChannel value =
        list (Seq.replicate setting.Channels value)

    let intensities =
        """{"mean": 0, "std": 1, "min": -1, "max": 1, "median": 0, "percentile_00_5": -1, "percentile_99_5": 1}"""

    let resampling order =
        "{\"is_seg\": false, \"order\": "
        + string order
        + ", \"order_z\": 0, \"force_separate_z\": null}"

    let json =
        """{"dataset_name": "Dataset001_Bench", "plans_name": "bench", "image_reader_writer": "NibabelIO",
        "original_median_spacing_after_transp": [1, 1, 1], "original_median_shape_after_transp": [1, 1, 1],
        "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2],
        "foreground_intensity_properties_per_channel": {INTENSITIES},
        "configurations": {"3d_fullres": {"data_identifier": "bench", "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2, "patch_size": [64, 64, 64], "median_image_size_in_voxels": [1, 1, 1], "batch_dice": true,
        "spacing": SPACING, "normalization_schemes": SCHEMES, "use_mask_for_norm": MASKS,
        "resampling_fn_data": "FUNCTION", "resampling_fn_data_kwargs": CUBIC,
        "resampling_fn_seg": "FUNCTION", "resampling_fn_seg_kwargs": LINEAR,
        "resampling_fn_probabilities": "FUNCTION", "resampling_fn_probabilities_kwargs": LINEAR}}}"""

    let filled =
        [
            "INTENSITIES",
            String.Join(", ", [ for c in 0 .. setting.Channels - 1 -> $"\"{c}\": " + intensities ])
            "SPACING", list [ string setting.Thickness; "1"; "1" ]
            "SCHEMES", perChannel "\"ZScoreNormalization\""
            "MASKS", perChannel "false"
            "FUNCTION", ResamplingSettings.DefaultFunction
            "CUBIC", resampling 3
            "LINEAR", resampling 1
        ]
        |> List.fold (fun (text: string) (word, value) -> text.Replace(word, value)) json

    Plans((nonNull (JsonNode.Parse filled)).AsObject(), "bench")

let private labelManager count =
    LabelManager(
        [|
            for l in 0 .. count - 1 ->
                LabelEntry((if l = 0 then "background" else $"label {l}"), [| l |], false)
        |],
        null
    )

/// The most memory that the process has held since the last call, in bytes; Linux only.
let private resetPeak () =
    if OperatingSystem.IsLinux() then
        File.WriteAllText("/proc/self/clear_refs", "5")

let private peak () =
    if OperatingSystem.IsLinux() then
        let line = File.ReadLines "/proc/self/status" |> Seq.find _.StartsWith("VmHWM")
        1024.0 * float ((line.Split(' ', StringSplitOptions.RemoveEmptyEntries))[1])
    else
        nan

let private collect () =
    GC.Collect(2, GCCollectionMode.Aggressive, true, true)

/// A setting's run by a number of threads, and the values of its image.
let private prepare (setting: Setting) =
    let key = "bench/preprocessing"
    let shape = Array.ofList setting.Shape
    let voxels = Formula.count setting.Shape

    let image =
        ImageArray(Formula.unitSingle key (setting.Channels * voxels), setting.Channels, shape)

    let segmentation =
        ImageArray(
            Formula.blobs (key + "/seg") setting.Shape setting.Labels [ 8; 8; 8 ]
            |> Array.map int16,
            1,
            shape
        )

    let spacing =
        List.map2 (fun n o -> float n / float o) setting.NewShape setting.Shape
        |> List.mapi (fun axis s -> if axis = 0 then s * setting.Thickness else s)
        |> Array.ofList

    let plans = plans setting

    let preprocessor =
        CasePreprocessor(plans, plans.Configuration "3d_fullres", labelManager setting.Labels)

    (fun threads -> preprocessor.Preprocess(image, spacing, segmentation, threads)), image.Data.Length

/// Bytes that a run takes at its peak beyond image and result: resampled image, labels, foreground locations.
let private work run =
    collect ()
    resetPeak ()
    let before = peak ()
    let result: PreprocessedCase = run 2

    let locations = result.Locations |> Seq.sumBy _.Count

    let outputs =
        float (
            4 * result.Image.Data.Length
            + 2 * result.Segmentation.Data.Length
            + 12 * locations
        )

    peak () - before - outputs, result

let private measure (setting: Setting) repeats =
    let run, voxels = prepare setting

    if List.ofArray (run 1).Image.Shape <> setting.NewShape then
        failwith $"{setting.Shape} did not become {setting.NewShape}"

    let seconds threads =
        Seq.min [
            for _ in 1..repeats ->
                let watch = Stopwatch.StartNew()
                run threads |> ignore
                watch.Elapsed.TotalSeconds
        ]

    let processor =
        Seq.min [
            for _ in 1..repeats ->
                let before = Process.GetCurrentProcess().TotalProcessorTime
                run 1 |> ignore
                (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds
        ]

    let one, two = seconds 1, seconds 2
    let megabytes bytes = bytes / 1e6
    let work, result = work run
    let caseSize = float (4 * max voxels result.Image.Data.Length)

    let name =
        String.Join("×", setting.Shape) + " → " + String.Join("×", setting.NewShape)

    printfn
        $"| {setting.Channels} × {name}, {setting.Labels} labels | {setting.NnUNet:F2} | {one:F3} | {processor:F3} | {two:F3} | {setting.NnUNet / one:F0}× | {setting.NnUNet / two:F0}× | {megabytes work:F1} | {megabytes caseSize:F1} |"

/// Prints the table of docs/performance.md.
let run repeats =
    printfn
        "| case | nnU-Net, s | 1 thread, s | its processor time, s | 2 threads, s | 1 thread faster | 2 threads faster | work memory, MB | case in float32, MB |"

    printfn "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"

    for setting in settings do
        measure setting repeats

    let tiny, _ =
        prepare {
            settings.Head with
                Shape = [ 8; 8; 8 ]
                NewShape = [ 10; 10; 10 ]
        }

    let fixed', _ = work tiny
    printfn $"\nA case of 8×8×8 takes {fixed' / 1e6:F1} MB: what any case takes, however small."
