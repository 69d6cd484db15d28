/// What a training step and an inference of a network are, at the sizes of the published figures: a patch of
/// 64 × 160 × 160, one channel, 16 classes, batches of 2 for training and of 1 for inference.
module MedSegDsl.Bench.Steps.Networks

open System
open TorchSharp
open MedSegDsl
open MedSegDsl.Models
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Losses
open MedSegDsl.Runtime.Training.Optimization

type Tensor = torch.Tensor

/// (D, H, W).
let patch = Size3.create 64 160 160
let channels, classes = 1, 16

/// The U-shape with a convolution block of kernel 3 in the place of every mixer layer.
let private plainConvolutions =
    UShape.create "UShape_convolutions" |> withMixer (Mixer.PlainConvolution 3)

/// The networks of the published figures, by name.
let names = [
    "UlikeMamba_3dMT"
    "UlikeMamba_3d"
    "UlikeMamba_3d_tri"
    "UlikeMamba_3d_MSv4"
    "UlikeMamba_1d"
    "UlikeTrans_SRA"
    plainConvolutions.Name
    "nnUNet"
    "nnUNetResEncM"
    "UMambaBot"
    "UMambaEnc"
    "CoTr"
    "SwinUNETR"
    "UNETR"
    "SegFormer3D"
]

/// The network of a name, with the sizes that nnU-Net plans for the patch where they are the plan's.
let definition name =
    let network =
        if name = plainConvolutions.Name then
            plainConvolutions
        else
            match Networks.tryFind name with
            | Some network -> network
            | None ->
                failwith
                    $"""the catalogue has no network "{name}"; it has {String.concat ", " Networks.names}"""

    UNetPlan.resolveFor patch network

/// The precisions by name.
let precisions = [
    "float32", Precision.Float32
    "bfloat16", Precision.BFloat16
    "float16", Precision.Float16
]

/// What a loss's gradient is multiplied with under a loss scale, 1 without.
let gradientFactor (scale: LossScale | null) =
    match scale with
    | null -> 1.0
    | scale -> scale.Value

/// A network on the GPU with a batch, its loss and its optimizer.
type Trained(name: string, precision: Precision) =
    let gpu = torch.device "cuda:0"

    let network =
        TrainingDevice.UseTensorCores()
        let network = NetworkBuilder.Build(definition name, channels, classes, patch, 0L)
        network.``to`` gpu |> ignore
        network.ComputeType <- TrainingPrecision.ComputeType precision
        network

    let volume batch =
        torch.randn (
            [| int64 batch; int64 channels; int64 patch.D; int64 patch.H; int64 patch.W |],
            device = gpu
        )

    let images, image = volume 2, volume 1

    let target =
        torch.randint (int64 classes, [| 2L; 1L; int64 patch.D; int64 patch.H; int64 patch.W |], device = gpu)

    let loss = DeepSupervisionLoss(SoftmaxLoss(true, DiceTerm(true, false)))
    let lossScale = TrainingPrecision.LossScale precision

    let optimizer =
        ParameterOptimizer.Create(
            Optimizer.AdamW(1e-4, 3e-5, 1e-8),
            [
                for struct (name, p) in network.named_parameters () -> struct (name, p :> Tensor)
            ],
            12.0
        )

    /// Before steps, and before inferences.
    member _.Training(on: bool) = network.train on

    /// One step as the trainer makes it; what happens between its parts is up to the caller.
    member _.Step(between: unit -> unit) =
        use scope = torch.NewDisposeScope()
        let maps = network.call images
        between ()

        let value = loss.Evaluate(maps, target, gradientFactor lossScale)
        between ()
        optimizer.Step(1e-4, lossScale) |> ignore
        value.item<float32>() |> ignore

    /// The final class map of one patch, without mirrored copies.
    member _.Infer() =
        use scope = torch.NewDisposeScope()
        use noGrad = torch.no_grad ()
        network.Predict image |> ignore

    interface IDisposable with
        member _.Dispose() =
            optimizer.Dispose()
            network.Dispose()
