/// Weights from PyTorch's files as trained models, and trained models' weights for PyTorch and nnU-Net.
module MedSegDsl.Tests.Runtime.Weights.ModelImportTests

open System
open System.Collections.Generic
open System.IO
open System.Text.Json.Nodes
open Expecto
open MedSegDsl
open MedSegDsl.Kernels
open MedSegDsl.Models
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Inference
open MedSegDsl.Runtime.Planning
open MedSegDsl.Runtime.Weights
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime
open TorchSharp

let private dataset = "Dataset901_RealBrain"

let private plansFile =
    Folder.at [ "pipeline"; "planned"; dataset; "nnUNetPlans.json" ]

let private datasetFile = Folder.at [ "pipeline"; "raw"; dataset; "dataset.json" ]
let private patch = Size3.create 16 32 32

let private network =
    UlikeMamba.threeD
    |> withStages 2
    |> withDepth 1
    |> mapChannels (fun channels -> channels / 16)
    |> named "tiny"

let private experiment =
    Experiment.create { Id = 901; Name = "RealBrain" } network |> withPatch patch

let private json path =
    (nonNull (JsonNode.Parse(File.ReadAllText path))).AsObject()

let private checkpoint () =
    NnUNetCheckpoint(
        Trainer = "nnUNetTrainer",
        Configuration = "3d_fullres",
        Fold = "1",
        Epochs = 1000,
        MirrorAxes = [| 0; 2 |],
        Plans = json plansFile,
        Dataset = json datasetFile
    )

let private state (network: SegmentationNetwork) =
    network.state_dict ()
    |> Seq.map (fun pair -> pair.Key, pair.Value)
    |> dict
    |> Dictionary

let private save path (checkpoint: NnUNetCheckpoint | null) tensors =
    use file = File.Create path
    WeightsFile.WritePyTorch(file, tensors, checkpoint)

let private build classes seed =
    NativeLibtorch.Load() |> ignore
    NetworkBuilder.Build(network, 1, classes, patch, seed)

let private prediction (network: SegmentationNetwork) =
    use _scope = torch.NewDisposeScope()
    use _gradients = torch.no_grad ()
    torch.manual_seed 3L |> ignore
    network.eval ()
    let map = network.Predict(torch.randn [| 1L; 1L; 16L; 32L; 32L |])
    map.data<float32>().ToArray()

let private import (file: WeightsFile) =
    ModelImport(file, ImportSource.Of file, experiment, Fold.Index 1)

let private silent = Action<string> ignore

let private importing =
    testList "importing" [
        test "an nnU-Net checkpoint becomes a trained model that predicts the same" {
            TemporaryFolder.using' (fun folder ->
                use source = build 6 5L
                let path = Path.Combine(folder, "checkpoint_final.pth")
                save path (checkpoint ()) (state source)
                use file = WeightsFile.Read path
                let written = (import file).Write(Path.Combine(folder, "model"), silent)
                use model = TrainedModel.Load(ModelChoice written.Parent, torch.CPU)
                Expect.sequenceEqual model.Folds [ "1" ] "the checkpoint's fold"
                Expect.sequenceEqual model.MirrorAxes [ 0; 2 ] "the checkpoint's mirroring"
                Expect.equal model.Plans.PlansName "nnUNetPlans" "the plans inside the checkpoint"
                Expect.equal (prediction model.Networks[0]) (prediction source) "class maps"

                let again () =
                    (import file).Write(written.Parent, silent) |> ignore

                TemporaryFolder.expectsLine [ "checkpoint_final.safetensors"; "--overwrite" ] again)
        }

        test "plans beside the file come before those inside it" {
            TemporaryFolder.using' (fun folder ->
                use source = build 6 5L
                let fold = Path.Combine(folder, "fold_0")
                Directory.CreateDirectory fold |> ignore
                let plans = json plansFile
                plans["plans_name"] <- "otherPlans"
                File.WriteAllText(Path.Combine(folder, "plans.json"), plans.ToJsonString())
                File.Copy(datasetFile, Path.Combine(folder, "dataset.json"))
                let path = Path.Combine(fold, "checkpoint_final.pth")
                save path (checkpoint ()) (state source)
                use file = WeightsFile.Read path
                Expect.equal (ImportSource.Of file).Plans.PlansName "otherPlans" "nnU-Net's layout")
        }

        test "a plain state dict needs plans from somewhere" {
            TemporaryFolder.using' (fun folder ->
                use source = build 6 5L
                let path = Path.Combine(folder, "weights.pth")
                save path null (state source)
                use file = WeightsFile.Read path
                TemporaryFolder.expectsLine [ path; "-d" ] (fun () -> ImportSource.Of file |> ignore))
        }

        test "weights that do not fit are refused in full, and nothing is written" {
            TemporaryFolder.using' (fun folder ->
                use source = build 4 5L
                let weights = state source
                weights.Remove "model.norm.weight" |> ignore
                let path = Path.Combine(folder, "checkpoint_final.pth")
                save path (checkpoint ()) weights
                use file = WeightsFile.Read path
                let model = Path.Combine(folder, "model")

                TemporaryFolder.expectsLine
                    [
                        path
                        "1 missing (model.norm.weight)"
                        "wrong shape"
                        "model.cls_conv.bias is (4), (6) wanted"
                    ]
                    (fun () -> (import file).Write(model, silent) |> ignore)

                Expect.isFalse (Directory.Exists model) "no folder")
        }
    ]

let private exporting =
    testList "exporting" [
        test "a trained model goes to nnU-Net's layout and comes back" {
            TemporaryFolder.using' (fun folder ->
                use source = build 6 7L
                let path = Path.Combine(folder, "a.pth")
                save path (checkpoint ()) (state source)
                use file = WeightsFile.Read path
                let written = (import file).Write(Path.Combine(folder, "model"), silent)
                use weights = WeightsFile.Read written.Final
                Expect.equal weights.Patch (Nullable patch) "the patch"

                let described = ModelExport.Describe(written.Final, "nnUNetTrainer")

                for name, nnUNet in [ "b.pth", None; "c.pth", Some described; "d.safetensors", None ] do
                    let target = Path.Combine(folder, name)
                    ModelExport.Write(weights, target, Option.toObj nnUNet)
                    use back = WeightsFile.Read target
                    use other = build 6 8L
                    StateDict.Load(other, back)
                    Expect.equal (prediction other) (prediction source) name

                    match nnUNet, Option.ofObj back.Checkpoint with
                    | None, None -> ()
                    | Some wrote, Some read ->
                        Expect.equal (read.Trainer, read.Fold) (wrote.Trainer, "1") "trainer and fold"
                        Expect.equal (Plans(read.Plans, "plans").PlansName) "nnUNetPlans" "plans"
                    | _ -> failtest name

                TemporaryFolder.expectsLine [ "a.onnx"; ".safetensors" ] (fun () ->
                    ModelExport.Write(weights, Path.Combine(folder, "a.onnx"), null)))
        }
    ]

let private pretraining = test "pretrained weights of other classes start a network, but for its heads" {
    TemporaryFolder.using' (fun folder ->
        use source = build 4 5L
        use target = build 6 9L
        let path = Path.Combine(folder, "weights.pth")
        save path null (state source)

        let values name network =
            let tensor: torch.Tensor = (state network)[name]
            tensor.data<float32>().ToArray()

        let head = values "model.cls_conv.bias" target
        let notes = ResizeArray<string>()
        PretrainedWeights.Load(path, network, target, Action<string> notes.Add)

        Expect.equal
            (values "model.norm.weight" target)
            (values "model.norm.weight" source)
            "a body's weight"

        Expect.equal
            (values "model.transposeconv_stage3.weight" target)
            (values "model.transposeconv_stage3.weight" source)
            "another"

        Expect.equal (values "model.cls_conv.bias" target) head "a head"
        Expect.exists notes (fun note -> note.Contains "model.cls_conv.bias") "the heads are named"

        TemporaryFolder.expectsLine [ "nowhere.pth" ] (fun () ->
            PretrainedWeights.Load(Path.Combine(folder, "nowhere.pth"), network, target, silent)))
}

let tests =
    testList "runtime/weights" [
        if File.Exists plansFile && File.Exists datasetFile then
            importing
            exporting
        pretraining
    ]
