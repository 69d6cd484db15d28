/// 2D configurations: which slices are drawn, how they are augmented, and a whole training with its prediction.
module MedSegDsl.Tests.Runtime.Training.SliceTrainingTests

open System
open System.IO
open Expecto
open TorchSharp
open MedSegDsl
open MedSegDsl.Kernels
open MedSegDsl.Models
open MedSegDsl.Runtime.Distributed
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Inference
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Augmentations
open MedSegDsl.Runtime.Training.Checkpoints
open MedSegDsl.Runtime.Training.Loading
open MedSegDsl.Runtime.Training.Sampling
open MedSegDsl.Runtime.Weights
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

let private random iteration =
    BatchRandom(1, BatchKey(BatchPurpose.Training, 0, iteration))

let private floats (t: torch.Tensor) =
    t.contiguous().data<float32>().ToArray()

let private drawing =
    testList "drawing" [
        test "slices are drawn from the whole first axis, forced ones from the slices with foreground" {
            let case = SmallTraining.BallCase("ball", 3) :> ITrainingCase
            let sampler = PatchSampler(PatchPlacement([| 1; 20; 20 |], [| 1; 16; 16 |]), false)
            let source = random 0

            let first forced =
                (sampler.Corner(case, forced, source))[0]

            let slices forced = set [ for _ in 1..400 -> first forced ]
            Expect.equal (slices false) (set [ 0 .. case.Shape[0] - 1 ]) "any slice"

            let withForeground =
                set [
                    for locations in case.Locations do
                        for i in 0 .. locations.Count - 1 -> (locations[i])[0]
                ]

            Expect.isTrue (Set.isSubset (slices true) withForeground) "slices with foreground"
            Expect.isGreaterThan (slices true).Count 1 "more than one of them"
        }

        test "a batch of slices is a batch of volumes of depth 1, the forced one with foreground" {
            NativeLibtorch.Load() |> ignore
            let cases = [| SmallTraining.BallCase("ball", 3) :> ITrainingCase |]
            let patch = [| 1; 24; 20 |]
            let maker = BatchMaker(cases, patch, patch, BatchPart.Whole 2, 0.33, false, 1)

            for i in 0..9 do
                use _ = torch.NewDisposeScope()
                use batch = maker.Make(BatchKey(BatchPurpose.Training, 0, i))
                Expect.equal (List.ofArray batch.Image.shape) [ 2L; 1L; 1L; 24L; 20L ] "image"
                let labels = batch.Segmentation[1L].contiguous().data<int16>().ToArray()
                Expect.exists labels (fun label -> label > 0s) "foreground"
        }

        test "slices as volumes of depth 1 are augmented as slices" {
            NativeLibtorch.Load() |> ignore
            use _ = torch.NewDisposeScope()
            let augmenter = Augmenter(Augmentation.nnUNet, [| 12; 16 |])
            let h, w = augmenter.InitialPatch[0], augmenter.InitialPatch[1]
            let shape = [ 6; 2; h; w ]

            let batch () =
                let image =
                    torch.tensor(Formula.unitSingle "slices/augment" (Formula.count shape): float32[]).reshape
                        [| for n in shape -> int64 n |]

                image, torch.zeros ([| 6L; 1L; int64 h; int64 w |], torch.int16)

            let flat, flatLabels = batch ()
            let struct (flat, _) = augmenter.Apply(flat, flatLabels, random 2)
            let deep, deepLabels = batch ()

            let struct (deep, labels) =
                augmenter.Apply(deep.unsqueeze 2L, deepLabels.unsqueeze 2L, random 2)

            Expect.equal (List.ofArray deep.shape) [ 6L; 2L; 1L; 12L; 16L ] "image"
            Expect.equal (List.ofArray labels.shape) [ 6L; 1L; 1L; 12L; 16L ] "segmentation"
            Expect.equal (floats deep) (floats flat) "the same values"
        }
    ]

let private sliding = test "slices that a network takes together give what they give one by one" {
    NativeLibtorch.Load() |> ignore
    use _ = torch.NewDisposeScope()
    let weight = torch.tensor [| 0.5f; -1.0f |]
    let weight = weight.reshape [| 2L; 1L; 1L; 1L |]
    let batches = ResizeArray<int64>()

    let network =
        Func<torch.Tensor, torch.Tensor>(fun input ->
            batches.Add input.shape[0]
            torch.nn.functional.conv2d (input, weight))

    let shape = [| 10; 12; 9 |]

    let image =
        ImageArray<float32>(Formula.unitSingle "slices/image" (10 * 12 * 9), 1, shape)

    let predict slices =
        batches.Clear()

        use predictor =
            new SlidingWindowPredictor(
                SlidingWindowOptions([| 8; 8 |], [| 0 |], Slices = Nullable slices),
                torch.CPU
            )

        let logits = predictor.Predict(network, image)
        Array.concat logits.Channels, Set.ofSeq batches, batches.Count

    let single, ones, calls = predict 1
    let grouped, fours, fewer = predict 4
    Expect.equal ones (set [ 1L ]) "one by one"
    Expect.equal fours (set [ 4L ]) "four together"
    Expect.equal (calls, fewer) (10 * 2 * 2 * 2, 3 * 2 * 2 * 2) "calls: slices, tiles and mirrorings"

    for a, b in Array.zip single grouped do
        Expect.floatClose Accuracy.medium (float a) (float b) "logits"
}

let private reader = ImageReaders.ByName "NibabelIO"
let private labels path = (reader.ReadLabels path).Voxels.Data

let private whole = test "a training in 2d validates, predicts, and goes to nnU-Net and back" {
    TemporaryFolder.using' (fun root ->
        let outcome = SmallPlans.train (SmallPlans.create root) Configuration.TwoD 0
        let folder = outcome.Folder
        Expect.equal outcome.Validation.Cases.Count 1 "validation cases"

        do
            use checkpoint = Checkpoint.Read folder.Final
            Expect.sequenceEqual checkpoint.State.Patch [ 1; 8; 8 ] "a patch of one slice"
            Expect.sequenceEqual checkpoint.State.MirrorAxes [ 1; 2 ] "mirrored along y and x"

        // The validation predicts preprocessed data; the prediction the images.
        let predict model output =
            use model = TrainedModel.Load(ModelChoice(model, Folds = [| "0" |]), torch.CPU)
            Expect.sequenceEqual model.Patch [ 8; 8 ] "the plans' axes"
            Expect.sequenceEqual model.MirrorAxes [ 0; 1 ] "the plans' axes"
            let options = PredictionOptions(SaveProbabilities = true)

            let result =
                FolderPrediction.Run(model, SmallPlans.image root "c3", output, options)

            Expect.isEmpty result.Failures "no failure"
            labels (Path.Combine(output, "c3.nii.gz"))

        let expected = labels (Path.Combine(folder.Validation, "c3.nii.gz"))
        Expect.isGreaterThan (Array.distinct expected).Length 1 "more than one label"
        Expect.equal (predict folder.Parent (Path.Combine(root, "out"))) expected "validation and prediction"

        // Out as nnU-Net's checkpoint, and in again.
        let file = Path.Combine(root, "checkpoint_final.pth")

        do
            use weights = WeightsFile.Read folder.Final
            ModelExport.Write(weights, file, ModelExport.Describe(folder.Final, "nnUNetTrainer"))

        use published = WeightsFile.Read file
        let described = nonNull published.Checkpoint
        Expect.sequenceEqual (nonNull described.MirrorAxes) [ 0; 1 ] "nnU-Net counts the patch's axes"

        Expect.equal
            (List.ofArray published.Tensors["encoder.stages.1.0.convs.0.conv.weight"].shape)
            [ 6L; 4L; 3L; 3L ]
            "weights of four axes"

        let experiment =
            SmallPlans.experiment |> withConfiguration Configuration.TwoD |> titled "back"

        let import =
            ModelImport(published, ImportSource.Of published, experiment, Fold.Index 0)

        let back = import.Write(Path.Combine(root, "back"), Action<string> ignore)
        Expect.equal (predict back.Parent (Path.Combine(root, "again"))) expected "the same network")
}

let tests = testList "training/slices" [ drawing; sliding; whole ]
