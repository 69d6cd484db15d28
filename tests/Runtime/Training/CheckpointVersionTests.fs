/// Checkpoints of other versions of this program.
module MedSegDsl.Tests.Runtime.Training.CheckpointVersionTests

open System
open System.Collections.Generic
open System.IO
open Expecto
open MedSegDsl.Kernels
open MedSegDsl.Models
open MedSegDsl.Runtime.Inference
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Checkpoints
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime
open TorchSharp

/// A checkpoint whose state says this; its weights do not matter.
let private write (file: string) (state: string) =
    NativeLibtorch.Load() |> ignore
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName file)) |> ignore
    use weight = torch.zeros 1L
    use stream = File.Create file
    let tensors = dict [ "network.weight", weight ] |> Dictionary
    Safetensors.Write(stream, tensors, Dictionary(dict [ "medseg", state ]))

let private later = CheckpointState.CurrentVersion + 1

/// Fields that this version does not know, and one of another type.
let private laterState =
    $"""{{"Version": {later}, "Identity": [1], "Grid": {{}}}}"""

let private plans =
    Folder.at [ "pipeline"; "planned"; "Dataset901_RealBrain"; "nnUNetPlans.json" ]

let private dataset =
    Folder.at [ "pipeline"; "raw"; "Dataset901_RealBrain"; "dataset.json" ]

let private refusals =
    testList "runtime/training/checkpoint version" [
        test "a later one says what wrote it and what to do" {
            TemporaryFolder.using' (fun folder ->
                let file = FoldFolder(folder).Final
                write file laterState

                TemporaryFolder.expectsLine
                    [
                        file
                        $"version {later}"
                        $"reads version {CheckpointState.CurrentVersion}"
                        "update"
                    ]
                    (fun () -> (Checkpoint.Read file).Dispose()))
        }
        test "an earlier one, and one without a version" {
            TemporaryFolder.using' (fun folder ->
                let file = FoldFolder(folder).Final

                for state, words in
                    [
                        """{"Version": 1, "Patch": "8x16x16"}""", [ file; "version 1"; "train again" ]
                        "{}", [ file; "not a checkpoint of this program" ]
                        """{"Version": "later"}""", [ file; "not a checkpoint of this program" ]
                        "null", [ file; "not a checkpoint of this program" ]
                    ] do
                    write file state
                    TemporaryFolder.expectsLine words (fun () -> (Checkpoint.Read file).Dispose()))
        }
        test "a training does not go on from the checkpoint before it" {
            TemporaryFolder.using' (fun folder ->
                let fold = FoldFolder folder
                write fold.Latest laterState
                write fold.Best """{"Version": 1}"""
                let notes = List<string>()

                TemporaryFolder.expectsLine [ fold.Latest; $"version {later}"; "update" ] (fun () ->
                    LastCheckpoint.Open(fold, Action<string> notes.Add) |> ignore)

                Expect.isEmpty notes "it is not taken for damaged")
        }
    ]

let private model =
    testList "golden/pipeline/planned/model of a later version" [
        if File.Exists plans && File.Exists dataset then
            test "is named with its fold" {
                TemporaryFolder.using' (fun folder ->
                    File.Copy(plans, Path.Combine(folder, "plans.json"))
                    File.Copy(dataset, Path.Combine(folder, "dataset.json"))
                    let file = FoldFolder(Path.Combine(folder, "fold_0")).Final
                    write file laterState

                    TemporaryFolder.expectsLine [ file; $"version {later}"; "update" ] (fun () ->
                        (TrainedModel.Load(ModelChoice folder, torch.CPU)).Dispose()))
            }
    ]

let tests = testList "" [ refusals; model ]
