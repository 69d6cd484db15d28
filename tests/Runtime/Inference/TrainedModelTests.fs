/// Models that cannot be loaded are refused by name.
module MedSegDsl.Tests.Runtime.Inference.TrainedModelTests

open System.IO
open Expecto
open MedSegDsl.Runtime.Inference
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Checkpoints
open MedSegDsl.Tests.Runtime
open MedSegDsl.Tests.Runtime.Inference.TinyModel

let tests =
    testList "golden/pipeline/planned/trained model" [
        if isThere then
            test "a folder that is no model, or lacks what is asked for, is named" {
                inFolder (fun at ->
                    let refuses words choice =
                        TemporaryFolder.expectsLine words (fun () -> (load choice).Dispose())

                    refuses [ "nowhere"; "no such folder" ] (ModelChoice(at "nowhere"))
                    Directory.CreateDirectory(at "empty") |> ignore
                    refuses [ "empty"; "plans.json" ] (ModelChoice(at "empty"))
                    writeModel (at "untrained") []
                    refuses [ "untrained"; "checkpoint_final"; "train" ] (ModelChoice(at "untrained"))
                    writeModel (at "model") [ 0; 2 ]

                    refuses
                        [ "fold_1"; "fold 0 checkpoint_final"; "fold 2 checkpoint_final" ]
                        (ModelChoice(at "model", Folds = [| "1" |]))

                    refuses
                        [ "checkpoint_best"; "fold 0 checkpoint_final" ]
                        (ModelChoice(at "model", Checkpoint = "checkpoint_best"))

                    File.WriteAllText(FoldFolder(Path.Combine(at "model", "fold_2")).Final, "damaged")
                    refuses [ "fold_2"; "checkpoint_final" ] (ModelChoice(at "model")))
            }

            test "a dataset.json with other labels than the network's is refused" {
                inFolder (fun at ->
                    writeModel (at "model") [ 0 ]
                    let path = Path.Combine(at "model", "dataset.json")
                    let text = File.ReadAllText path

                    File.WriteAllText(
                        path,
                        text
                            .Replace("\"cerebellum\": 5", "\"cerebellum\": [4, 5]")
                            .Replace("\"labels\"", "\"regions_class_order\": [1, 2, 3, 4, 5], \"labels\"")
                    )

                    TemporaryFolder.expectsLine [ "6 outputs"; "5 outputs" ] (fun () ->
                        (load (ModelChoice(at "model"))).Dispose()))
            }
    ]
