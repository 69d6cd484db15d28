module MedSegDsl.Tests.Program

open System
open Expecto
open Expecto.Impl
open MedSegDsl.Kernels
open MedSegDsl.Tests

/// Every test of the project, in the order of the layers.
let all =
    testList "" [
        Golden.FormulaTests.tests
        Dsl.NetworksTests.tests
        Dsl.UNetTests.tests
        Dsl.CostTests.golden
        Dsl.CostTests.tests
        Dsl.TrainingMemoryTests.tests
        Dsl.ValidationTests.tests
        Dsl.UnetrTests.tests
        Dsl.ComparedNetworksTests.tests
        Dsl.NnFormerTests.tests
        Dsl.TablesTests.tests
        Dsl.TrainersTests.tests
        Dsl.JsonTests.tests
        Dsl.BuiltParametersTests.tests
        Runtime.PythonJsonTests.tests
        Runtime.LabelManagerTests.tests
        Runtime.FoldersTests.tests
        Runtime.SplitsTests.tests
        Runtime.CaseLoopTests.tests
        Runtime.LegacyRandomTests.tests
        Runtime.PlansTests.tests
        Runtime.TopologyTests.tests
        Runtime.PlannedNetworkTests.tests
        Runtime.PlansBuilderTests.tests
        Runtime.FingerprintTests.tests
        Runtime.DatasetIntegrityTests.tests
        Runtime.ExperimentPlannerTests.tests
        Runtime.NiftiTests.tests
        Runtime.NiftiErrorTests.tests
        Runtime.AxisOrientationTests.tests
        Runtime.Imaging.FormatTests.tests
        Runtime.Imaging.PictureDatasetTests.tests
        Runtime.Preprocessing.CroppingTests.golden
        Runtime.Preprocessing.CroppingTests.tests
        Runtime.Preprocessing.ResamplingTests.golden
        Runtime.Preprocessing.ResamplingTests.tests
        Runtime.Preprocessing.NormalizationTests.golden
        Runtime.Preprocessing.NormalizationTests.tests
        Runtime.Preprocessing.CasePreprocessorTests.golden
        Runtime.Preprocessing.CasePreprocessorTests.tests
        Runtime.Preprocessing.DatasetPreprocessorTests.tests
        Runtime.Storage.Blosc2Tests.tests
        Runtime.Storage.VolumeStoreTests.tests
        Runtime.Storage.NnUNetCaseTests.tests
        Runtime.Inference.SlidingWindowTests.tests
        Runtime.Inference.PredictorTests.tests
        Runtime.Inference.ExportTests.tests
        Runtime.Inference.CasePredictorTests.tests
        Runtime.Inference.WholePredictionTests.tests
        Runtime.Inference.FolderPredictionTests.tests
        Runtime.Inference.TrainedModelTests.tests
        Runtime.Evaluation.MetricsTests.tests
        Runtime.Evaluation.FolderEvaluationTests.tests
        Runtime.Evaluation.SurfaceDistancesTests.tests
        Runtime.Evaluation.CaseMetricsTests.tests
        Runtime.Evaluation.ComponentsTests.tests
        Runtime.Evaluation.PostprocessingTests.tests
        Runtime.Selection.BestConfigurationTests.tests
        Runtime.Comparison.ComparisonTests.tests
        Runtime.Pictures.OverlayPictureTests.tests
        Kernels.ScanTests.tests
        Kernels.ConvolutionTests.tests
        Kernels.OperatorTests.tests
        Kernels.CudaScanTests.tests
        Kernels.CudaConvolutionTests.tests
        Kernels.JoinedTests.tests
        Kernels.CudaNormTests.tests
        Kernels.CudaInstanceNormTests.tests
        Kernels.CudaResizingTests.tests
        Kernels.CudaLayoutTests.tests
        Kernels.CudaUploadTests.tests
        Kernels.CudaMixerTests.tests
        Kernels.CudaCompilerTests.tests
        Kernels.NativeTests.tests
        Runtime.Training.LossTests.goldenTests
        Runtime.Training.LossTests.tests
        Runtime.Training.CudaLossTests.tests
        Runtime.Training.DeepSupervisionTests.goldenTests
        Runtime.Training.DeepSupervisionTests.tests
        Runtime.Training.OptimizationTests.goldenTests
        Runtime.Training.OptimizationTests.tests
        Runtime.Training.SamplingTests.goldenTests
        Runtime.Training.SamplingTests.tests
        Runtime.Training.LoadingTests.tests
        Runtime.Training.AugmentationTests.goldenTests
        Runtime.Training.AugmentationTests.tests
        Runtime.Training.AugmentationDrawTests.tests
        Runtime.Training.Da5DrawTests.tests
        Runtime.Training.CascadeAugmentationTests.tests
        Runtime.Training.PseudoDiceTests.tests
        Runtime.Training.ProgressTests.tests
        Runtime.Training.CurveFilesTests.tests
        Runtime.Training.TrainerTests.tests
        Runtime.Training.CheckpointVersionTests.tests
        Runtime.Training.BadBatchTests.tests
        Runtime.Training.KilledTrainingTests.tests
        Runtime.Training.TrainingRunTests.tests
        Runtime.SliceNetworkTests.tests
        Runtime.Training.SliceTrainingTests.tests
        Runtime.Training.CascadeTrainingTests.tests
        Runtime.Distributed.PlacesTests.tests
        Runtime.Distributed.ControlTests.tests
        Runtime.Distributed.GradientReducerTests.tests
        Runtime.Distributed.MpiTrainingTests.tests
        Runtime.Distributed.LocalRanksTests.tests
        Runtime.Conversion.ConversionTests.tests
        Runtime.Conversion.TotalSegmentatorTests.tests
        Runtime.Statistics.StatisticsTests.tests
        Models.SegFormerTests.tests
        Models.CoTrTests.tests
        Models.MedNeXtTests.tests
        Models.GoldenNetworkTests.tests
        Models.NetworkTests.tests
        Models.NetworkStateTests.tests
        Models.UNetTests.tests
        Models.MixerTests.tests
        Models.WindowTests.tests
        Models.InitialisationTests.tests
        Models.WeightsTests.tests
        Experiments.CommandLineTests.tests
        Experiments.SubmitTests.tests
        Models.TorchFileTests.tests
        Models.LoadingTests.tests
        Runtime.Weights.ModelImportTests.tests
    ]

/// The counts of a run, the last line for scripts to read.
let private count (summary: TestRunSummary) = [
    if not summary.ignored.IsEmpty then
        $"{summary.ignored.Length} skipped, for want of a GPU, of Open MPI or of golden data"

    $"{summary.passed.Length} passed, {summary.failed.Length + summary.errored.Length} failed"
]

let private test args =
    let closing = ref []

    let printer = {
        TestPrinters.defaultPrinter with
            summary =
                fun config summary ->
                    closing.Value <- count summary
                    TestPrinters.defaultPrinter.summary config summary
    }

    let options = [
        JoinWith "/"
        No_Spinner
        Printer printer
        if Console.IsOutputRedirected then
            Colours 0
    ]

    let code = runTestsWithCLIArgs options args all
    // Expecto's writer pads and colours what passes through Console.Out, also at the end; these lines stay plain.
    Console.Out.Flush()
    use plain = new IO.StreamWriter(Console.OpenStandardOutput())
    plain.WriteLine()
    closing.Value |> List.iter (fun (line: string) -> plain.WriteLine line)
    code

[<EntryPoint>]
let main args =
    NativeLibtorch.Load() |> printfn "%O"

    match args with
    | [| word; folder |] when word = Runtime.Training.KilledTrainingTests.word ->
        Runtime.Training.KilledTrainingTests.train folder
    | [| word; how; folder |] when word = Runtime.Distributed.RankProgram.word ->
        Runtime.Distributed.RankProgram.run how folder
    | _ -> test args
