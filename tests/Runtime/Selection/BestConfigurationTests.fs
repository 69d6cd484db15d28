/// The choice between models and ensembles on their cross-validation.
module MedSegDsl.Tests.Runtime.Selection.BestConfigurationTests

open System
open System.IO
open Expecto
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Runtime.Files
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Selection
open MedSegDsl.Tests.Runtime
open MedSegDsl.Tests.Runtime.Selection.SmallModels

let private folds = [| "0"; "1" |]
let private cases = [ 0, "a"; 0, "b"; 1, "c"; 1, "d" ]

let private references root =
    for _, case in cases do
        writeReference root case

let private name network =
    ModelName($"MedSegTrainer_{network}", "nnUNetPlans", "3d_fullres")

let private find root models allowEnsembles =
    let lines = Collections.Generic.List<string>()

    let search =
        BestConfiguration(folders root, dataset, folds, Action<string> lines.Add)

    search.Find(Array.ofList (List.map name models), allowEnsembles), List.ofSeq lines

/// The organ's probabilities: 0.9 where the reference is, less at one of its voxels.
let private missing voxel =
    reference
    |> Array.mapi (fun i label ->
        if i = voxel then 0.4f
        elif label = 1 then 0.9f
        else 0.1f)

let private ensembles =
    testList "choice" [
        test "an ensemble that mends its members wins, and its files are nnU-Net's" {
            TemporaryFolder.using' (fun root ->
                references root

                for fold, case in cases do
                    writeProbabilities root "First" fold case (missing 2)
                    writeProbabilities root "Second" fold case (missing 5)

                let choice, _ = find root [ "First"; "Second" ] true
                let first, second = (name "First").Identifier, (name "Second").Identifier
                let ensemble = $"ensemble___{first}___{second}___0_1"
                Expect.equal choice.Best.Identifier ensemble "the pair"

                Expect.equal
                    [ for one in choice.Candidates -> one.Identifier, Math.Round(one.Dice, 6) ]
                    [
                        first, Math.Round(6.0 / 7.0, 6)
                        second, Math.Round(6.0 / 7.0, 6)
                        ensemble, 1.0
                    ]
                    "all results"

                let results = Path.Combine(root, "nnUNet_results", dataset)

                for file in
                    [
                        Path.Combine(first, "crossval_results_folds_0_1", "summary.json")
                        Path.Combine("ensembles", ensemble, "summary.json")
                        Path.Combine("ensembles", ensemble, "postprocessing.json")
                        Path.Combine("ensembles", ensemble, "postprocessing.pkl")
                        Path.Combine("ensembles", ensemble, "postprocessed", "summary.json")
                        "inference_information.json"
                    ] do
                    Expect.isTrue (File.Exists(Path.Combine(results, file))) file

                let best =
                    (JsonFields.Read(Path.Combine(results, "inference_information.json")))
                        .Object("best_model_or_ensemble")

                Expect.equal (best.Number "result_on_crossval_pre_pp") 1.0 "before post-processing"

                Expect.equal
                    (best.Text "postprocessing_file")
                    (Path.Combine(results, "ensembles", ensemble, "postprocessing.pkl"))
                    "the steps"

                let instructions =
                    File.ReadAllText(Path.Combine(results, "inference_instructions.txt"))

                for line in
                    [
                        $"medseg predict -d {dataset} -i INPUT_FOLDER -o OUTPUT_FOLDER_MODEL_1 -f 0 1 -n First -c 3d_fullres -p nnUNetPlans --save_probabilities"
                        "medseg ensemble -i OUTPUT_FOLDER_MODEL_1 OUTPUT_FOLDER_MODEL_2 -o OUTPUT_FOLDER"
                        "medseg apply-postprocessing -i OUTPUT_FOLDER -o OUTPUT_FOLDER_PP"
                    ] do
                    Expect.stringContains instructions line "the commands")
        }
        test "of equals the first wins, and a pair without probabilities is left out with a line" {
            TemporaryFolder.using' (fun root ->
                references root

                for fold, case in cases do
                    writeValidation root "First" fold case reference
                    writeValidation root "Second" fold case reference

                let choice, lines = find root [ "First"; "Second" ] true
                Expect.equal choice.Best.Identifier (name "First").Identifier "the first"
                Expect.hasLength choice.Candidates 2 "no pair"

                Expect.exists
                    lines
                    (fun line -> line.Contains "left out" && line.Contains ".npz")
                    "it says so")
        }
        test "post-processing that helps is stored, and applies to new segmentations" {
            TemporaryFolder.using' (fun root ->
                references root
                let withIsland = Array.mapi (fun i label -> if i = 8 then 1 else label) reference

                for fold, case in cases do
                    writeValidation root "First" fold case withIsland

                let choice, _ = find root [ "First" ] true
                Expect.isLessThan choice.Best.Dice 1.0 "the island costs"
                Expect.equal choice.DiceAfter 1.0 "without it"
                let fresh = Path.Combine(root, "fresh")
                let output = Path.Combine(root, "output")
                writeLabels (Path.Combine(fresh, "new.nii.gz")) withIsland
                let reader = ImageReaders.ByName "NibabelIO"
                let steps = Postprocessing.Read choice.PostprocessingFile
                Expect.isEmpty (steps.ApplyToFolder(fresh, output, reader, ".nii.gz")) "no failures"

                Expect.equal
                    (reader.ReadLabels(Path.Combine(output, "new.nii.gz"))).Voxels.Data
                    (Array.map int16 reference)
                    "the island is gone")
        }
    ]

let private refusals =
    testList "cross-validation" [
        test "a fold that is missing is named" {
            TemporaryFolder.using' (fun root ->
                references root
                writeValidation root "First" 0 "a" reference

                TemporaryFolder.expectsLine [ "fold_1"; "--folds" ] (fun () ->
                    find root [ "First" ] false |> ignore))
        }
        test "a model that is missing is named" {
            TemporaryFolder.using' (fun root ->
                references root

                TemporaryFolder.expectsLine [ "MedSegTrainer_Nobody"; "train" ] (fun () ->
                    find root [ "Nobody" ] false |> ignore))
        }
        test "a case in two folds is named" {
            TemporaryFolder.using' (fun root ->
                references root
                writeValidation root "First" 0 "a" reference
                writeValidation root "First" 1 "a" reference

                TemporaryFolder.expectsLine [ "two folds"; " a " ] (fun () ->
                    find root [ "First" ] false |> ignore))
        }
        test "a case that cannot be evaluated is listed, the others are done" {
            TemporaryFolder.using' (fun root ->
                references root

                for fold, case in cases do
                    writeValidation root "First" fold case (if case = "c" then [| 0; 1 |] else reference)

                let folder = model root "First"
                let output = Path.Combine(root, "merged")
                let labels = ValidationFolds.References(folders root, dataset)
                let result = CrossValidation.Accumulate(folder, output, folds, labels)
                Expect.hasLength (nonNull result.Summary).Cases 3 "three cases"
                Expect.hasLength result.Failures 1 "one line"
                Expect.stringContains result.Failures[0] "c.nii.gz" "the case"
                Expect.isTrue (File.Exists(Path.Combine(output, "summary.json"))) "summary.json")
        }
        test "a folder's name has three parts" {
            Expect.equal
                (ModelName.Of "/results/nnUNetTrainer__nnUNetPlans__2d/")
                (ModelName("nnUNetTrainer", "nnUNetPlans", "2d"))
                "trainer, plans, configuration"

            TemporaryFolder.expectsLine [ "/results/else"; "TRAINER__PLANS__CONFIGURATION" ] (fun () ->
                ModelName.Of "/results/else" |> ignore)
        }
    ]

let tests = testList "runtime/selection" [ ensembles; refusals ]
