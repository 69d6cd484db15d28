/// The quick start: a small UlikeMamba_3d on the brain MRI that comes with the project, for two CPU cores.
[<RequireQualifiedAccess>]
module MedSegDsl.QuickStart

/// UlikeMamba_3d with three stages instead of four, narrower, and one or two layers a stage.
let network =
    UlikeMamba.threeD
    |> withStages 3
    |> mapChannels (fun channels -> channels / 2)
    |> withDepth 1
    |> named "UlikeMamba_3d_small"

/// All six training cases train; the seventh, in imagesTs, is held out.
let experiment =
    Experiment.create Datasets.realBrain network
    |> withAllCases
    |> withOptimizer (Optimizer.AdamW(2e-3, 3e-5, 1e-8))
    |> withPatch (Size3.create 32 64 64)
    |> withBatch 2
    |> withEpochs 20<epoch>
    |> withIterations 12 2
    |> titled "quickstart"
