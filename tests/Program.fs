module MedSegDsl.Tests.Program

open Expecto
open Expecto.Impl
open MedSegDsl.Kernels
open MedSegDsl.Tests

/// Every test of the project, in the order of the layers.
let all =
    testList "" [
        Golden.FormulaTests.tests
        Dsl.NetworksTests.tests
        Dsl.CostTests.golden
        Dsl.CostTests.tests
        Dsl.ValidationTests.tests
        Dsl.TablesTests.tests
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
        Runtime.PlansBuilderTests.tests
        Runtime.FingerprintTests.tests
        Runtime.DatasetIntegrityTests.tests
        Runtime.ExperimentPlannerTests.tests
        Runtime.NiftiTests.tests
        Runtime.AxisOrientationTests.tests
        Runtime.Preprocessing.CroppingTests.golden
        Runtime.Preprocessing.CroppingTests.tests
        Runtime.Preprocessing.ResamplingTests.golden
        Runtime.Preprocessing.ResamplingTests.tests
        Runtime.Preprocessing.NormalizationTests.golden
        Runtime.Preprocessing.NormalizationTests.tests
        Runtime.Preprocessing.CasePreprocessorTests.golden
        Runtime.Preprocessing.CasePreprocessorTests.tests
        Runtime.Preprocessing.DatasetPreprocessorTests.tests
        Runtime.Storage.VolumeStoreTests.tests
        Runtime.Inference.SlidingWindowTests.tests
        Runtime.Inference.PredictorTests.tests
        Runtime.Inference.ExportTests.tests
        Runtime.Inference.CasePredictorTests.tests
        Runtime.Inference.FolderPredictionTests.tests
        Runtime.Evaluation.MetricsTests.tests
        Runtime.Evaluation.FolderEvaluationTests.tests
        Runtime.Evaluation.SurfaceDistancesTests.tests
        Runtime.Evaluation.ComponentsTests.tests
        Runtime.Evaluation.PostprocessingTests.tests
        Runtime.Pictures.OverlayPictureTests.tests
        Kernels.ScanTests.tests
        Kernels.ConvolutionTests.tests
        Kernels.OperatorTests.tests
        Kernels.CudaScanTests.tests
        Kernels.CudaConvolutionTests.tests
        Kernels.CudaCompilerTests.tests
        Kernels.NativeTests.tests
        Runtime.Training.LossTests.goldenTests
        Runtime.Training.LossTests.tests
        Runtime.Training.DeepSupervisionTests.goldenTests
        Runtime.Training.DeepSupervisionTests.tests
        Runtime.Training.OptimizationTests.goldenTests
        Runtime.Training.OptimizationTests.tests
        Runtime.Training.SamplingTests.goldenTests
        Runtime.Training.SamplingTests.tests
        Runtime.Training.LoadingTests.tests
        Runtime.Training.PseudoDiceTests.tests
        Runtime.Training.ProgressTests.tests
        Runtime.Training.TrainerTests.tests
        Runtime.Training.TrainingRunTests.tests
        Models.GoldenNetworkTests.tests
        Models.NetworkTests.tests
        Models.MixerTests.tests
        Models.InitialisationTests.tests
        Models.WeightsTests.tests
    ]

/// The counts of a run as one line that a script can read.
let private count (summary: TestRunSummary) =
    let failed = summary.failed.Length + summary.errored.Length

    let skipped =
        if summary.ignored.IsEmpty then
            ""
        else
            $", {summary.ignored.Length} skipped"

    $"{summary.passed.Length} passed, {failed} failed{skipped}"

[<EntryPoint>]
let main args =
    NativeLibtorch.Load() |> printfn "%O"
    let closing = ref None

    let printer = {
        TestPrinters.defaultPrinter with
            summary =
                fun config summary ->
                    closing.Value <- Some(count summary)
                    TestPrinters.defaultPrinter.summary config summary
    }

    let options = [
        JoinWith "/"
        No_Spinner
        Printer printer
        if System.Console.IsOutputRedirected then
            Colours 0
    ]

    let code = runTestsWithCLIArgs options args all
    // Expecto's own lines go through a log of their own, which is empty by now.
    closing.Value |> Option.iter (printfn "%s")
    code
