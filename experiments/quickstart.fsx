// The quick start as a script: a small UlikeMamba_3d on a real brain MRI, for two CPU cores, in minutes.
//
//   dotnet fsi experiments/quickstart.fsx
//
// Needs the built project: dotnet build -c Release

#I "bin/Release/net10.0"
#r "MedSegDsl.Dsl.dll"
#r "medseg.dll"

open MedSegDsl

let network =
    UlikeMamba.threeD
    |> withStages 3
    |> mapChannels (fun channels -> channels / 2)
    |> withDepth 1
    |> named "UlikeMamba_3d_small"

Experiment.create Datasets.realBrain network
|> withAllCases
|> withOptimizer (Optimizer.AdamW(2e-3, 3e-5, 1e-8))
|> withPatch (Size3.create 32 64 64)
|> withEpochs 20<epoch>
|> withIterations 12 2
|> titled "quickstart"
|> QuickStart.run "results/quickstart"
