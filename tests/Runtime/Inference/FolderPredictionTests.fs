/// A trained model's folder predicts a folder of images.
module MedSegDsl.Tests.Runtime.Inference.FolderPredictionTests

open System
open System.IO
open Expecto
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Inference
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime
open MedSegDsl.Tests.Runtime.Inference.TinyModel
open TorchSharp

let private plain = PredictionOptions(UseMirroring = false)

let tests =
    testList "golden/pipeline/planned/folder prediction" [
        if isThere then
            test "two folds: the mean of their logits on the image's grid, and what belongs beside it" {
                inFolder (fun at ->
                    writeModel (at "model") [ 0; 1 ]
                    writeImage (at "in") "a_0000.nii.gz"
                    writeImage (at "in") "b_0000.nii.gz"
                    use model = load (ModelChoice(at "model"))
                    Expect.equal (List.ofSeq model.Folds) [ "0"; "1" ] "the folds that are there"
                    let seen = ResizeArray<PredictionProgress>()

                    let result =
                        FolderPrediction.Run(
                            model,
                            at "in",
                            at "out",
                            PredictionOptions(UseMirroring = false, SaveProbabilities = true),
                            (fun progress -> seen.Add progress)
                        )

                    Expect.isEmpty result.Failures "no failure"

                    Expect.equal
                        [ for path in result.Written -> string (Path.GetFileName path) ]
                        [ "a.nii.gz"; "b.nii.gz" ]
                        "written"

                    let last = seen[seen.Count - 1]

                    Expect.equal
                        (last.Case, last.Tile, last.Share)
                        ("b", last.Tiles, 1.0)
                        "progress to the end"

                    for name in [ "plans.json"; "dataset.json"; "predict_from_raw_data_args.json" ] do
                        Expect.isTrue (File.Exists(Path.Combine(at "out", name))) name

                    // The same in memory, fold by fold.
                    let map = reader.ReadLabels(Path.Combine(at "out", "a.nii.gz"))
                    let image = reader.Read(Path.Combine(at "in", "a_0000.nii.gz"))
                    Expect.isTrue (map.Geometry.HasAffineOf image.Geometry) "the image's affine"

                    use predictor =
                        new CasePredictor(
                            model.Plans,
                            model.Configuration,
                            model.Dataset.LabelManager,
                            SlidingWindowOptions(model.Patch, [||]),
                            torch.CPU
                        )

                    let prepared = predictor.Preprocess image
                    let functions = [| for network in model.Networks -> CasePredictor.Function network |]

                    let single i =
                        predictor.Predict([| functions[i] |], prepared.Image)

                    let first, second = single 0, single 1
                    let mean = predictor.Predict(functions, prepared.Image)

                    for i in 0 .. mean.Classes - 1 do
                        let expected =
                            Array.map2 (fun a b -> (a + b) / 2f) first.Channels[i] second.Channels[i]

                        Expect.equal mean.Channels[i] expected "the mean of the folds"

                    let expected = predictor.Segment(mean, prepared.Properties)
                    Expect.equal map.Voxels.Data expected.Data "the label map"
                    Expect.isGreaterThan (Array.distinct expected.Data).Length 1 "more than one label"
                    use probabilities = ProbabilityFile.Open(Path.Combine(at "out", "a.npz"))
                    let shape = probabilities.Classes :: List.ofArray probabilities.Shape
                    Expect.equal shape [ 6; 12; 20; 18 ] "probabilities")
            }

            test "a case that fails is named, the others are predicted" {
                inFolder (fun at ->
                    writeModel (at "model") [ 0 ]
                    writeImage (at "in") "good_0000.nii.gz"
                    writeImage (at "in") "channel_0001.nii.gz"
                    File.WriteAllText(Path.Combine(at "in", "damaged_0000.nii.gz"), "no image")
                    writeImage (at "in") "two_0000.nii.gz"
                    writeImage (at "in") "two_0001.nii.gz"
                    use model = load (ModelChoice(at "model"))
                    let result = FolderPrediction.Run(model, at "in", at "out", plain)
                    Expect.hasLength result.Written 1 "one case is good"

                    for line, words in
                        Seq.zip result.Failures [
                            [ "channel_0000.nii.gz"; "missing"; "T1" ]
                            [ "damaged_0000.nii.gz" ]
                            [ "two"; "2 images"; "takes 1" ]
                        ] do
                        for word in words do
                            Expect.stringContains line word "the line"

                    Expect.hasLength result.Failures 3 "three lines")
            }

            test "a case whose file cannot be written is named, the others are" {
                inFolder (fun at ->
                    writeModel (at "model") [ 0 ]

                    for name in [ "a"; "b"; "c" ] do
                        writeImage (at "in") (name + "_0000.nii.gz")

                    // A folder stands where the label map should go.
                    let blocked = Path.Combine(at "out", "b.nii.gz")
                    TemporaryFolder.write blocked [ "in the way" ] "" |> ignore
                    use model = load (ModelChoice(at "model"))
                    let result = FolderPrediction.Run(model, at "in", at "out", plain)

                    Expect.equal
                        [ for path in result.Written -> string (Path.GetFileName path) ]
                        [ "a.nii.gz"; "c.nii.gz" ]
                        "the others"

                    Expect.hasLength result.Failures 1 "one line"
                    Expect.stringContains result.Failures[0] blocked "names the file")
            }

            test "the next image is read while the device works, and not those after it" {
                inFolder (fun at ->
                    writeModel (at "model") [ 0 ]

                    for name in [ "a"; "b"; "c"; "d" ] do
                        writeImage (at "in") (name + "_0000.nii.gz")

                    use model = load (ModelChoice(at "model"))

                    let limit = TimeSpan.FromMinutes 2.0
                    let events = Collections.Concurrent.ConcurrentQueue<string>()
                    let thirdInMemory = Threading.Tasks.TaskCompletionSource<Threading.Thread>()

                    let inMemory case =
                        events.Enqueue $"read {case}"

                        if case = "c" then
                            thirdInMemory.SetResult Threading.Thread.CurrentThread

                    // One case waits for the device and one for its place: b and c are in memory, d is not. After c the
                    // thread that reads stands still, or else goes on to d.
                    let remove (progress: PredictionProgress) =
                        if progress.Case = "a" && progress.Tile = 1 then
                            Expect.isTrue
                                (thirdInMemory.Task.Wait limit)
                                "c is read while the device works on a"

                            let reading = thirdInMemory.Task.Result

                            let standsStill () =
                                reading.ThreadState &&& Threading.ThreadState.WaitSleepJoin
                                <> Threading.ThreadState.Running
                                || Seq.contains "read d" events

                            Expect.isTrue (Threading.SpinWait.SpinUntil(standsStill, limit)) "it waits"
                            File.Delete(Path.Combine(at "in", "b_0000.nii.gz"))
                            File.Delete(Path.Combine(at "in", "d_0000.nii.gz"))
                            events.Enqueue "removed"

                    let options =
                        PredictionOptions(UseMirroring = false, InMemory = Action<string> inMemory)

                    let result = FolderPrediction.Run(model, at "in", at "out", options, remove)

                    Expect.equal
                        (List.ofSeq events)
                        [ "read a"; "read b"; "read c"; "removed" ]
                        "what was in memory before the first case was done"

                    Expect.equal
                        [ for path in result.Written -> string (Path.GetFileName path) ]
                        [ "a.nii.gz"; "b.nii.gz"; "c.nii.gz" ]
                        "what was read in time"

                    Expect.hasLength result.Failures 1 "the one that was not"
                    Expect.stringContains result.Failures[0] "d_0000.nii.gz" "its name")
            }

            test "what is there can be skipped, and one file predicted" {
                inFolder (fun at ->
                    writeModel (at "model") [ 0 ]
                    writeImage (at "in") "a_0000.nii.gz"
                    writeImage (at "in") "scan.nii.gz"
                    use model = load (ModelChoice(at "model", Folds = [| "0" |]))
                    let one = Path.Combine(at "in", "scan.nii.gz")
                    let first = FolderPrediction.Run(model, one, at "out", plain)

                    Expect.equal
                        (List.ofSeq first.Written)
                        [ Path.Combine(at "out", "scan.nii.gz") ]
                        "by its name"

                    let numbered = Path.Combine(at "in", "a_0000.nii.gz")
                    let second = FolderPrediction.Run(model, numbered, at "out", plain)

                    Expect.equal
                        (List.ofSeq second.Written)
                        [ Path.Combine(at "out", "a.nii.gz") ]
                        "by its case"

                    let again = PredictionOptions(UseMirroring = false, Overwrite = false)
                    let third = FolderPrediction.Run(model, numbered, at "out", again)
                    Expect.isEmpty third.Written "nothing is written"
                    Expect.equal (List.ofSeq third.Skipped) (List.ofSeq second.Written) "it is skipped")
            }

            test "cancelling ends the prediction" {
                inFolder (fun at ->
                    writeModel (at "model") [ 0 ]

                    for name in [ "a"; "b"; "c"; "d" ] do
                        writeImage (at "in") (name + "_0000.nii.gz")

                    use model = load (ModelChoice(at "model"))
                    use source = new Threading.CancellationTokenSource()

                    let stop (progress: PredictionProgress) =
                        if progress.Tile = 2 then
                            source.Cancel()

                    Expect.throwsT<OperationCanceledException>
                        (fun () ->
                            FolderPrediction.Run(model, at "in", at "out", plain, stop, source.Token)
                            |> ignore)
                        "cancelled"

                    Expect.isEmpty (Directory.GetFiles(at "out", "*.nii.gz")) "nothing is written")
            }
    ]
