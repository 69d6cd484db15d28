/// A large CT of many classes through a network that costs next to nothing: what prediction itself takes of memory and time.
module MedSegDsl.Bench.LargePrediction

open System
open System.Diagnostics
open MedSegDsl.Kernels.Cuda
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Files
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Inference
open MedSegDsl.Runtime.Planning
open MedSegDsl.Runtime.Preprocessing
open MedSegDsl.Runtime.Preprocessing.Resampling
open MedSegDsl.Tests.Golden
open TorchSharp

let private classes = 118
let private spacing = [| 1.0; 0.8; 0.8 |]
let private networkSpacing = [| 1.5; 1.5; 1.5 |]
let private shape = [| 600; 512; 512 |]

let private labels =
    let names =
        String.Join(", ", [ for label in 1 .. classes - 1 -> $"\"class {label}\": {label}" ])

    let json =
        $"{{\"channel_names\": {{\"0\": \"CT\"}}, \"labels\": {{\"background\": 0, {names}}}, \"numTraining\": 1, \"file_ending\": \".nii.gz\"}}"

    DatasetJson((PythonJson.Parse(json, "bench")).AsObject(), "bench").LabelManager

/// The plans of a golden data set with the network's spacing in place of its own.
let private plans =
    let file =
        Folder.at [ "pipeline"; "planned"; "Dataset901_RealBrain"; "nnUNetPlans.json" ]

    let json = (JsonFields.Read file).Json

    ((nonNull json["configurations"])["3d_fullres"] |> nonNull).["spacing"] <- PythonJson.List networkSpacing
    Plans(json, file)

let private device =
    if torch.cuda.is_available () then
        torch.device "cuda:0"
    else
        torch.CPU

/// Class c has the logit −(v − c)², v being the input.
let private network =
    Func<torch.Tensor, torch.Tensor>(fun tile ->
        use centres =
            torch
                .arange(float classes, device = device)
                .to_type(torch.float32)
                .reshape(1L, int64 classes, 1L, 1L, 1L)

        (tile - centres).square().neg_())

/// Prints the figures of docs/performance.md.
let run () =
    let small = NewShape.Compute(shape, spacing, networkSpacing)
    let image = ImageArray<float32>(1, small)
    let plane = small[1] * small[2]

    for i in 0 .. image.Data.Length - 1 do
        // Layers of all classes, tilted so that each slice has many of them.
        image.Data[i] <- float32 ((i / plane + i % small[2]) * classes / (small[0] + small[2]))

    let properties =
        CaseProperties(spacing, shape, [| for n in shape -> [| 0; n |] |], shape)

    let case =
        PreprocessedCase(image, ImageArray<int16>([||], 0, small), properties, [||])

    let options = SlidingWindowOptions([| 128; 128; 128 |], [||])

    use predictor =
        new CasePredictor(
            plans,
            plans.Configuration "3d_fullres",
            labels,
            options,
            device,
            Threads = Environment.ProcessorCount,
            Note = Action<string>(printfn "%s")
        )

    let watch = Stopwatch.StartNew()
    let map = predictor.PredictLabels([| network |], case)
    let seconds = watch.Elapsed.TotalSeconds
    use self = Process.GetCurrentProcess()
    let found = map.Data |> Array.distinct |> Array.length
    let size (shape: int[]) = String.Join("×", Array.rev shape)

    let onDevice =
        if device.``type`` = DeviceType.CUDA then
            let struct (free, total) = CudaDriver.Memory()
            $", device {float (total - free) / 1e9:F1} GB"
        else
            ""

    printfn
        $"{size shape} CT, {classes} classes ({found} found), network grid {size small}, patch 128³, step ½: {seconds:F0} s, peak memory of the process {float self.PeakWorkingSet64 / 1e9:F1} GB{onDevice}"
