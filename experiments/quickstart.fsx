// The quick start as a script: a small UlikeMamba_3d on a real brain MRI, for two CPU cores, in minutes.
//
//   dotnet fsi experiments/quickstart.fsx
//
// Needs the built project (dotnet build -c Release).

#I "bin/Release/net10.0"
#r "MedSegDsl.Dsl.dll"
#r "medseg.dll"

open MedSegDsl

let network =
    UlikeMamba.threeD
    |> withStemKernel 3
    |> withStages 3
    |> mapChannels (fun channels -> channels / 2)
    |> withDepth 1
    |> withStateSize 8
    |> named "UlikeMamba_3d_small"

Experiment.create Datasets.realBrain network
|> withAllCases
|> withOptimizer (Optimizer.AdamW(2e-3, 1e-2, 1e-8))
|> withPatch (Size3.create 48 64 64)
|> withAugmentation Augmentation.mirroring
|> withBatch 1
|> withEpochs 10<epoch>
|> withIterations 60 6
|> titled "quickstart"
|> Script.quickStart "results/quickstart"
