/// The loss of one training in each precision: the same weights, the same batches, the same optimizer.
module MedSegDsl.Bench.Steps.LossCurves

open System.Collections.Generic
open System.IO
open System.Text.Json
open ScottPlot
open TorchSharp
open MedSegDsl
open MedSegDsl.Models
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Losses
open MedSegDsl.Runtime.Training.Optimization
open MedSegDsl.Bench.Steps.Networks

let private patch = Size3.create 32 64 64
let private channels, classes, batch = 1, 4, 2L
let private smoothing = 20

/// Smooth random shapes of three classes on a background, each of its own brightness, under noise: the same for the same step.
let private example (step: int) : Tensor * Tensor =
    torch.manual_seed (int64 step + 1000L) |> ignore
    let gpu = torch.device "cuda:0"
    let size = [| int64 patch.D; int64 patch.H; int64 patch.W |]
    let coarse = torch.randn ([| batch; int64 classes; 4L; 8L; 8L |], device = gpu)

    let smooth =
        torch.nn.functional.interpolate (coarse, size, mode = torch.InterpolationMode.Trilinear)

    let labels = smooth.argmax (1L, keepdim = true)
    let noise = torch.randn (labels.shape, device = gpu)
    (labels.``to`` torch.float32 - 1.5) * 0.7 + noise, labels

/// The loss of every step.
let private train steps precision : float[] =
    TrainingDevice.UseTensorCores()

    use network =
        NetworkBuilder.Build(UlikeMamba.multiTri, channels, classes, patch, 1L)

    network.``to`` (torch.device "cuda:0") |> ignore
    network.ComputeType <- TrainingPrecision.ComputeType precision
    network.train ()
    let loss = DeepSupervisionLoss(SoftmaxLoss(true, DiceTerm(true, false)))
    let scale = TrainingPrecision.LossScale precision

    use optimizer =
        ParameterOptimizer.Create(
            Optimizer.AdamW(1e-4, 3e-5, 1e-8),
            [
                for struct (name, p) in network.named_parameters () -> struct (name, p :> Tensor)
            ],
            12.0
        )

    Array.init steps (fun step ->
        use scope = torch.NewDisposeScope()
        let image, labels = example step
        let value = loss.Evaluate(network.call image, labels, gradientFactor scale)
        optimizer.Step(1e-4, scale) |> ignore
        float (value.item<float32>()))

let private smoothed (losses: float[]) =
    losses |> Array.windowed smoothing |> Array.map Array.average

/// Draws the curves that a run has left.
/// source: what `run` wrote. file: the PNG.
let draw (source: string) (file: string) =
    let plot = new Plot()

    let curves =
        JsonSerializer.Deserialize<Dictionary<string, float[]>>(File.ReadAllText source)
        |> nonNull

    for KeyValue(name, losses) in curves do
        let y = smoothed losses
        let x = y |> Array.mapi (fun i _ -> float (i + smoothing))
        let line = plot.Add.Scatter(x, y)
        line.LegendText <- name
        line.MarkerSize <- 0f
        line.LineWidth <- 2f

    plot.XLabel "step"
    plot.YLabel $"loss, mean of {smoothing} steps"
    plot.ShowLegend Alignment.UpperRight |> ignore
    File.WriteAllBytes(file, plot.GetImageBytes(900, 500, ImageFormat.Png))

/// Trains UlikeMamba_3dMT on patches of 32 × 64 × 64 in each precision, prints the losses' means over twentieths of the training,
/// and leaves them as JSON.
let run steps (file: string option) =
    let curves = [ for name, precision in precisions -> name, train steps precision ]
    let part = max 1 (steps / 20)

    printfn $"""| steps | {curves |> List.map fst |> String.concat " | "} |"""
    printfn $"""| --- |{String.replicate curves.Length " --- |"}"""

    for first in 0..part .. steps - part do
        let means =
            curves
            |> List.map (fun (_, losses) -> $"%.4f{Array.average losses[first .. first + part - 1]}")

        printfn $"""| {first + 1} to {first + part} | {String.concat " | " means} |"""

    let exact = snd curves.Head |> smoothed

    for name, losses in curves.Tail do
        let apart = Array.map2 (fun a b -> abs (a - b)) exact (smoothed losses)

        printfn
            $"{name}: the smoothed loss is at most %.4f{Array.max apart} from float32's, %.4f{Array.average apart} on average"

    file
    |> Option.iter (fun file -> File.WriteAllText(file, JsonSerializer.Serialize(dict curves)))
