/// A trained model of a tiny network, and images for it.
module MedSegDsl.Tests.Runtime.Inference.TinyModel

open System.IO
open MedSegDsl
open MedSegDsl.Kernels
open MedSegDsl.Models
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Inference
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Checkpoints
open MedSegDsl.Runtime.Training.Optimization
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime
open TorchSharp

let private datasetName = "Dataset901_RealBrain"
let private patch = Size3.create 8 16 16

/// Two stages of plain convolutions.
let private network =
    let stage channels = {
        Channels = channels
        Stride = Size3.cube 2
        Embedding = Embedding.Convolution 3
        Depth = 1
        Mixer = Mixer.PlainConvolution 3
    }

    UShape.create "tiny"
    |> mapUShape (fun shape -> {
        shape with
            Stem = {
                Channels = 4
                Kernel = 3
                Stride = Size3.create 1 2 2
            }
            Encoder = [ stage 6; stage 8 ]
            Decoder = [
                {
                    Upsampling = Upsampling.Trilinear
                    Depth = 1
                    Mixer = Mixer.PlainConvolution 3
                }
            ]
    })

let private experiment =
    Experiment.create { Id = 901; Name = "RealBrain" } network |> withPatch patch

let private plansFile =
    Folder.at [ "pipeline"; "planned"; datasetName; "nnUNetPlans.json" ]

let private datasetFile =
    Folder.at [ "pipeline"; "raw"; datasetName; "dataset.json" ]

/// A model of untrained networks, one for each fold.
let writeModel folder folds =
    NativeLibtorch.Load() |> ignore
    Directory.CreateDirectory folder |> ignore
    File.Copy(plansFile, Path.Combine(folder, "plans.json"))

    File.Copy(datasetFile, Path.Combine(folder, "dataset.json"))

    for fold in folds do
        use network = NetworkBuilder.Build(network, 1, 6, patch, int64 fold)

        use optimizer =
            ParameterOptimizer.Create(
                experiment.Optimizer,
                [
                    for struct (name, parameter) in network.named_parameters () ->
                        struct (name, parameter :> torch.Tensor)
                ],
                12.0
            )

        let state =
            CheckpointState(
                CheckpointState.CurrentVersion,
                TrainingIdentity.Of(experiment, Fold.Index fold, 1),
                Json.ofExperiment experiment,
                [| patch.D; patch.H; patch.W |],
                2,
                1,
                6,
                [| 0; 1; 2 |],
                0L,
                Curves [||]
            )

        let path = FoldFolder(Path.Combine(folder, $"fold_{fold}")).Final
        Checkpoint.Write(path, state, network, optimizer)

/// The geometry of a file whose x axis runs to the left.
let geometry =
    ImageGeometry(
        [| 3.5; 3.0; 3.0 |],
        array2D [
            [ -3.0; 0.0; 0.0; 40.0 ]
            [ 0.0; 3.0; 0.0; -20.0 ]
            [ 0.0; 0.0; 3.5; 5.0 ]
            [ 0.0; 0.0; 0.0; 1.0 ]
        ]
    )

/// Reads and writes them.
let reader = ImageReaders.ByName "NibabelIO"

/// An image of noise.
let writeImage folder name =
    Directory.CreateDirectory folder |> ignore
    let values = Formula.unitSingle name (12 * 20 * 18)
    reader.Write(Path.Combine(folder, name), ImageArray<float32>(values, 1, [| 12; 20; 18 |]), geometry)

/// On the CPU.
let load choice =
    NativeLibtorch.Load() |> ignore
    TrainedModel.Load(choice, torch.CPU)

/// In a temporary folder, whose paths the function names.
let inFolder run =
    TemporaryFolder.using' (fun folder ->
        let at name = Path.Combine(folder, name)
        run at)

/// Whether the plans and labels that the models take are among the golden data.
let isThere = File.Exists plansFile && File.Exists datasetFile
