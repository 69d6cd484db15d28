/// Data sets of pictures and of stacks of pages, from the raw folder to stored cases.
module MedSegDsl.Tests.Runtime.Imaging.PictureDatasetTests

open System.IO
open Expecto
open SkiaSharp
open TorchSharp
open MedSegDsl
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Inference
open MedSegDsl.Runtime.Planning
open MedSegDsl.Runtime.Preprocessing
open MedSegDsl.Runtime.Storage
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Progress
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

let private name = "Dataset077_Pictures"
let private cases = [ "a"; "b"; "c"; "d"; "e" ]
let private height, width = 40, 56

let private dataset ending channels labels =
    $"""{{"channel_names": {{{channels}}}, "labels": {{{labels}}}, "numTraining": {cases.Length}, "file_ending": "{ending}"}}"""

let private colours (file: string) =
    let values = Formula.unit file (height * width * 4)

    let pixels =
        values
        |> Array.mapi (fun i v -> if i % 4 = 3 then 255uy else byte (128.0 + 100.0 * v))

    use image =
        SKImage.FromPixelCopy(SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque), pixels)

    use encoded = image.Encode(SKEncodedImageFormat.Png, 100)
    File.WriteAllBytes(file, encoded.ToArray())

let private labels shape key count =
    ImageArray<int16>(Formula.blobs key (List.ofArray shape) count [ 4; 4; 4 ] |> Array.map int16, 1, shape)

/// Plans and preprocesses a data set, and gives the plans, the folders and what was stored.
let private stored root json configuration options write check =
    let raw = Path.Combine(root, "raw", name)
    Directory.CreateDirectory(Path.Combine(raw, "imagesTr")) |> ignore
    Directory.CreateDirectory(Path.Combine(raw, "labelsTr")) |> ignore
    TemporaryFolder.write raw [ "dataset.json" ] json |> ignore

    for case in cases do
        write raw case

    let folders =
        NnUNetFolders(Path.Combine(root, "raw"), Path.Combine(root, "pre"), null)

    let plans =
        ExperimentPlanner.Plan(folders, name, PlanOptions(VerifyIntegrity = true, Draws = 300)).Plans

    let target = folders.PreprocessedDataset name
    let preprocessor = DatasetPreprocessor(raw, target, plans)
    preprocessor.Run([| configuration |], options)

    for case in cases do
        use opened =
            VolumeStore.Open(preprocessor.FolderOf(plans.Configuration configuration), case)

        check case opened

    plans, raw, target

/// A network of the data set's 2D plans predicts the pictures themselves as its validation predicted the stored cases.
let private trainAndPredict root =
    let at folder = Path.Combine(root, folder)
    let folders = NnUNetFolders(at "raw", at "pre", at "results")

    let experiment =
        Experiment.create { Id = 77; Name = "Pictures" } NnUNet.plain
        |> withConfiguration Configuration.TwoD
        |> withEpochs 1<epoch>
        |> withIterations 1 1
        |> withBatch 2
        |> withDevice Device.Cpu

    let outcome =
        TrainingRun.Run(TrainingRequest(experiment, folders, Fold.Index 0, 1), SilentProgress())

    use model = TrainedModel.Load(ModelChoice outcome.Folder.Parent, torch.CPU)
    let options = PredictionOptions(SaveProbabilities = true)
    let images = Path.Combine(at "raw", name, "imagesTr")
    let result = FolderPrediction.Run(model, images, at "out", options)
    Expect.isEmpty result.Failures "no failure"
    Expect.hasLength result.Written cases.Length "every picture"

    let validated = outcome.Validation.Cases[0].PredictionFile

    Expect.equal
        (File.ReadAllBytes(Path.Combine(at "out", string (Path.GetFileName validated))))
        (File.ReadAllBytes validated)
        "validation and prediction"

let private options compress =
    PreprocessingOptions(2, 1L <<< 30, false, compress)

let tests =
    testList "runtime/picture datasets" [
        test "colour pictures with nested regions and an ignore label" {
            TemporaryFolder.using' (fun root ->
                let reader = ImageReaders.ByName "NaturalImage2DIO"

                let json =
                    (dataset
                        ".png"
                        "\"0\": \"rgb_to_0_1\", \"1\": \"rgb_to_0_1\", \"2\": \"rgb_to_0_1\""
                        "\"background\": 0, \"whole\": [1, 2], \"core\": [2], \"ignore\": 3")
                        .Replace("\"numTraining\"", "\"regions_class_order\": [1, 2], \"numTraining\"")

                let map case = labels [| 1; height; width |] case 4

                let write raw case =
                    colours (Path.Combine(raw, $"imagesTr/{case}_0000.png"))

                    reader.WriteLabels(
                        Path.Combine(raw, $"labelsTr/{case}.png"),
                        map case,
                        ImageGeometry.FromSpacing [| 999.0; 1.0; 1.0 |]
                    )

                let check case (opened: StoredCase) =
                    Expect.equal (opened.Channels, List.ofSeq opened.Shape) (3, [ 1; height; width ]) "shape"

                    let image =
                        reader.Read(Path.Combine(root, "raw", name, $"imagesTr/{case}_0000.png"))

                    Expect.equal
                        (opened.ReadImage().Data)
                        (image.Voxels.Data |> Array.map (fun v -> v / 255f))
                        "0 to 1"

                    Expect.equal (opened.ReadSegmentation().Data) (map case).Data "labels with ignore"

                    // Each region, and where anything is annotated.
                    Expect.equal
                        (List.sort [ for l in opened.Locations -> List.sort (List.ofSeq l.Labels) ])
                        [ [ -1; 0; 1; 2 ]; [ 1; 2 ]; [ 2 ] ]
                        "locations"

                let plans, raw, target = stored root json "2d" (options false) write check
                Expect.equal (List.ofSeq plans.ConfigurationNames) [ "2d" ] "2D alone"
                Expect.equal plans.ImageReaderWriter "NaturalImage2DIO" "reader"
                Expect.equal (plans.Configuration "2d").PatchSize.Length 2 "2D patch"

                let predicted = Path.Combine(root, "predicted")

                for case in cases do
                    let whole = map case

                    reader.WriteLabels(
                        Path.Combine(predicted, $"{case}.png"),
                        ImageArray<int16>(
                            whole.Data |> Array.map (fun v -> if v = 3s then 0s else v),
                            1,
                            whole.Shape
                        ),
                        ImageGeometry.FromSpacing [| 999.0; 1.0; 1.0 |]
                    )

                let perfect =
                    FolderEvaluation.Evaluate(
                        Path.Combine(target, GroundTruth.FolderName),
                        predicted,
                        EvaluationTargets (DatasetJson.ReadFrom raw).LabelManager,
                        reader,
                        ".png"
                    )

                Expect.isEmpty perfect.Failures "every case is evaluated"

                Expect.equal (nonNull perfect.Summary).ForegroundMean.Dice 1.0 "what is ignored is no error"
                trainAndPredict root)
        }
        for ending in [ ".tif"; ".mhd" ] do
            test $"volumes in {ending}, stored compressed" {
                TemporaryFolder.using' (fun root ->
                    let reader =
                        ImageReaders.ByName(if ending = ".tif" then "Tiff3DIO" else "SimpleITKIO")

                    let shape = [| 12; 20; 16 |]
                    let spacing = [| 2.5; 0.5; 0.5 |]
                    let json = dataset ending "\"0\": \"T1\"" "\"background\": 0, \"a\": 1, \"b\": 2"

                    let write raw case =
                        let values = Formula.unitSingle case (Array.reduce (*) shape)
                        let geometry = ImageGeometry.FromSpacing spacing

                        reader.Write(
                            Path.Combine(raw, $"imagesTr/{case}_0000{ending}"),
                            ImageArray(values, 1, shape),
                            geometry
                        )

                        reader.WriteLabels(
                            Path.Combine(raw, $"labelsTr/{case}{ending}"),
                            labels shape case 3,
                            geometry
                        )

                    let check case (opened: StoredCase) =
                        Expect.equal (List.ofSeq opened.Shape) (List.ofArray shape) "shape"
                        Expect.equal opened.Properties.Spacing spacing "spacing"
                        Expect.equal (opened.ReadSegmentation().Data) (labels shape case 3).Data "labels"

                    let plans, _, target = stored root json "3d_fullres" (options true) write check
                    Expect.equal plans.ImageReaderWriter reader.Name "reader"

                    for case in cases do
                        let copy =
                            reader.ReadLabels(Path.Combine(target, GroundTruth.FolderName, case + ending))

                        Expect.equal copy.Voxels.Data (labels shape case 3).Data "reference labels"
                        Expect.equal copy.Geometry.Spacing spacing "with their spacing")
            }
    ]
