module MedSegDsl.Tests.Runtime.Preprocessing.DatasetPreprocessorTests

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Expecto
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Planning
open MedSegDsl.Runtime.Preprocessing
open MedSegDsl.Runtime.Storage
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

let private raw = Folder.at [ "pipeline"; "raw"; "Dataset902_SynthCT" ]

let private plansFile =
    Folder.at [ "pipeline"; "planned"; "Dataset902_SynthCT"; "nnUNetPlans.json" ]

let private options = PreprocessingOptions(2, 1L <<< 30)

/// Runs a test on the golden CT data set in a folder of its own.
let private onDataset name (run: string -> Plans -> unit) = test name {
    if not (Directory.Exists raw && File.Exists plansFile) then
        skiptest "no Dataset902_SynthCT in the golden folder"

    TemporaryFolder.using' (fun folder -> run folder (Plans.Read plansFile))
}

let private copyRaw (target: string) =
    for file in Directory.GetFiles(raw, "*", SearchOption.AllDirectories) do
        let copy = Path.Combine(target, Path.GetRelativePath(raw, file))
        Directory.CreateDirectory(nonNull (Path.GetDirectoryName copy)) |> ignore
        File.Copy(file, copy)

let private run (preprocessor: DatasetPreprocessor) options =
    let finished = List<PreprocessingProgress>()
    preprocessor.Run([| "3d_fullres" |], options, (fun p -> lock finished (fun () -> finished.Add p)))
    List.ofSeq finished

let tests =
    testList "runtime/preprocessing/dataset" [
        onDataset "every case is stored as the case preprocessor gives it" (fun folder plans ->
            let preprocessor = DatasetPreprocessor(raw, folder, plans)
            let finished = run preprocessor options
            let configuration = plans.Configuration "3d_fullres"
            let dataset = DatasetJson.ReadFrom raw
            let cases = CaseList.Training(raw, dataset)
            let reader = ImageReaders.ByName plans.ImageReaderWriter
            Expect.equal (List.sort [ for p in finished -> p.CaseId ]) [ for c in cases -> c.Id ] "progress"
            Expect.equal [ for p in finished -> p.Done ] [ 1 .. cases.Count ] "counted"

            for files in cases do
                let loaded = CaseLoader.Load(reader, files, dataset)

                let expected =
                    CasePreprocessor(plans, configuration, dataset.LabelManager)
                        .Preprocess(loaded.Image, loaded.Spacing, loaded.Segmentation)

                use stored = VolumeStore.Open(preprocessor.FolderOf configuration, files.Id)
                Expect.equal (stored.ReadImage().Data) expected.Image.Data "image"
                Expect.equal (stored.ReadSegmentation().Data) expected.Segmentation.Data "labels"
                let label = files.Id + dataset.FileEnding

                let bytes (parts: string list) =
                    File.ReadAllBytes(Path.Combine(Array.ofList (parts @ [ label ])))

                Expect.equal
                    (bytes [ folder; "gt_segmentations" ])
                    (bytes [ raw; "labelsTr" ])
                    "ground truth")
        onDataset "a second run keeps finished cases and makes missing ones" (fun folder plans ->
            let preprocessor = DatasetPreprocessor(raw, folder, plans)
            let first = run preprocessor options
            let store = preprocessor.FolderOf(plans.Configuration "3d_fullres")
            VolumeStore.Remove(store, "CT_003")

            let isNew finished =
                finished
                |> List.filter (fun (p: PreprocessingProgress) -> p.IsNew)
                |> List.map _.CaseId

            Expect.equal (isNew (run preprocessor options)) [ "CT_003" ] "only the missing case"
            let again = run preprocessor (PreprocessingOptions(2, 1L <<< 30, true))
            Expect.equal (isNew again).Length first.Length "all, where told so")
        onDataset "other settings make all cases again" (fun folder plans ->
            run (DatasetPreprocessor(raw, folder, plans)) options |> ignore
            let changed = Path.Combine(folder, "changed.json")

            File.WriteAllText(
                changed,
                (File.ReadAllText plansFile).Replace("CTNormalization", "NoNormalization")
            )

            let finished = run (DatasetPreprocessor(raw, folder, Plans.Read changed)) options
            Expect.isTrue (finished |> List.forall _.IsNew) "all new")
        onDataset "hardly any memory is enough for one case after the other" (fun folder plans ->
            let finished =
                run (DatasetPreprocessor(raw, folder, plans)) (PreprocessingOptions(2, 1L))

            Expect.equal finished.Length 7 "all cases")
        onDataset "the first failure stops with the case's name and leaves nothing of it" (fun folder plans ->
            let copy = Path.Combine(folder, "raw")
            copyRaw copy
            let broken = Path.Combine(copy, "labelsTr", "CT_002.nii.gz")
            File.WriteAllBytes(broken, Array.take 300 (File.ReadAllBytes broken))
            let preprocessor = DatasetPreprocessor(copy, folder, plans)

            TemporaryFolder.expectsLine [ "case CT_002"; "CT_002.nii.gz" ] (fun () ->
                run preprocessor options |> ignore)

            let store = preprocessor.FolderOf(plans.Configuration "3d_fullres")
            Expect.isFalse (VolumeStore.IsComplete(store, "CT_002")) "not complete"
            Expect.isEmpty (Directory.GetFiles(store, "CT_002*")) "no file of it")
        onDataset "a label that dataset.json does not have is refused" (fun folder plans ->
            let copy = Path.Combine(folder, "raw")
            copyRaw copy
            let path = Path.Combine(copy, "dataset.json")
            let json = File.ReadAllText path
            File.WriteAllText(path, json.Replace("\"lesion\": 2", "\"lesion\": 1"))
            let preprocessor = DatasetPreprocessor(copy, folder, plans)

            TemporaryFolder.expectsLine [ "case CT_"; "labels 2"; "dataset.json" ] (fun () ->
                run preprocessor options |> ignore))
        onDataset "the other form makes all cases again, and only one form stays" (fun folder plans ->
            let preprocessor = DatasetPreprocessor(raw, folder, plans)
            run preprocessor options |> ignore
            let packed = PreprocessingOptions(2, 1L <<< 30, Compress = true)
            Expect.isTrue (run preprocessor packed |> List.forall _.IsNew) "all new"
            let store = preprocessor.FolderOf(plans.Configuration "3d_fullres")

            let endings =
                set [ for file in Directory.GetFiles store -> string (Path.GetExtension file) ]
            // nnU-Net takes all but .pkl and .npy for the form of the cases, and wants one.
            Expect.equal endings (set [ ".b2nd"; ".npy"; ".pkl" ]) "endings")
        onDataset "cases of nnU-Net's, without our record, are kept where all are there" (fun folder plans ->
            let preprocessor = DatasetPreprocessor(raw, folder, plans)
            run preprocessor options |> ignore
            let store = preprocessor.FolderOf(plans.Configuration "3d_fullres")
            File.Delete(store + DatasetPreprocessor.SettingsEnding)
            let notes = List<string>()

            let again () =
                let finished = List<PreprocessingProgress>()

                preprocessor.Run(
                    [| "3d_fullres" |],
                    options,
                    (fun p -> lock finished (fun () -> finished.Add p)),
                    (fun note -> notes.Add note)
                )

                finished |> Seq.filter _.IsNew |> Seq.length

            Expect.equal (again ()) 0 "none new"
            Expect.hasLength notes 1 "a note"
            Expect.stringContains notes[0] "--overwrite" "says what else could be done"
            VolumeStore.Remove(store, "CT_003")
            Expect.equal (again ()) 7 "all new where one is missing")
        onDataset "what a killed run left is removed" (fun folder plans ->
            let preprocessor = DatasetPreprocessor(raw, folder, plans)
            let store = preprocessor.FolderOf(plans.Configuration "3d_fullres")

            let name owner =
                $"CT_001.npz.{owner}-0123456789abcdef0123456789abcdef.tmp"

            let dead = TemporaryFolder.write store [ name 999999999 ] "half"
            let living = TemporaryFolder.write store [ name Environment.ProcessId ] "half"
            let other = TemporaryFolder.write store [ "notes.tmp" ] "mine"
            run preprocessor options |> ignore
            Expect.equal (List.map File.Exists [ dead; living; other ]) [ false; true; true ] "left")
        onDataset "a cancelled run stops" (fun folder plans ->
            use cancel = new CancellationTokenSource()
            let preprocessor = DatasetPreprocessor(raw, folder, plans)

            Expect.throwsT<OperationCanceledException>
                (fun () ->
                    preprocessor.Run(
                        [| "3d_fullres" |],
                        options,
                        (fun _ -> cancel.Cancel()),
                        cancellation = cancel.Token
                    ))
                "cancelled"

            let complete =
                VolumeStore.CompleteCases(preprocessor.FolderOf(plans.Configuration "3d_fullres"))

            Expect.isLessThan complete.Count 7 "not all cases")
    ]
