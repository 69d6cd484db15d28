/// The quick start: a small UlikeMamba_3d on the brain MRI that comes with the project, for two CPU cores.
[<RequireQualifiedAccess>]
module MedSegDsl.QuickStart

/// UlikeMamba_3d of half the width, three stages instead of four, and one layer in each.
let network =
    UlikeMamba.threeD
    |> withStemKernel 3
    |> withStages 3
    |> mapChannels (fun channels -> channels / 2)
    |> withDepth 1
    |> withStateSize 8
    |> named "UlikeMamba_3d_small"

/// All six training cases train; the seventh, in imagesTs, is held out.
let experiment =
    Experiment.create Datasets.realBrain network
    |> withAllCases
    |> withOptimizer (Optimizer.AdamW(2e-3, 1e-2, 1e-8))
    |> withPatch (Size3.create 48 64 64)
    |> withAugmentation Augmentation.mirroring
    |> withBatch 1
    |> withEpochs 10<epoch>
    |> withIterations 60 6
    |> titled "quickstart"
