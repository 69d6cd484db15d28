// UlikeMamba_3dMT on AMOS 2022, as the paper trains it.
//
//   dotnet fsi experiments/amos.fsx -- --help      (without the dashes, dotnet fsi prints its own help)
//   dotnet fsi experiments/amos.fsx --folds 0 1 2 3 4
//
// Needs the built project (dotnet build -c Release), and nnU-Net's folders: nnUNet_raw with Dataset218_..., and
// nnUNet_preprocessed and nnUNet_results for what it makes.

#I "bin/Release/net10.0"
#r "MedSegDsl.Dsl.dll"
#r "medseg.dll"

open MedSegDsl

let network =
    UlikeMamba.threeD
    |> withScan Scan.tri
    |> withMultiScale MSv4
    |> named "UlikeMamba_3dMT"

Experiment.create Datasets.amos network
|> asInUlikeMambaTrainer
|> withPatch (Size3.create 64 192 160)
|> withSeeds [ 1; 2; 3 ]
|> titled "amos"
|> Script.run
