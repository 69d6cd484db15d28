/// The experiments of the paper's main comparison: UlikeMamba_3dMT on each dataset, as its trainer runs it.
[<RequireQualifiedAccess>]
module MedSegDsl.PaperExperiments

let private published dataset =
    Experiment.create dataset UlikeMamba.multiTri |> asInUlikeMambaTrainer

/// AMOS 2022 CT; patch 64 × 192 × 160 (paper, implementation details).
let amos =
    published Datasets.amos |> withPatch (Size3.create 64 192 160) |> titled "amos"

/// TotalSegmentator CT. Its classes have sides, so nothing is mirrored.
let totalSegmentatorCt =
    published Datasets.totalSegmentatorCt
    |> withAugmentation Augmentation.noMirroring
    |> titled "totalsegmentator-ct"

/// TotalSegmentator MRI. Its classes have sides, so nothing is mirrored.
let totalSegmentatorMr =
    published Datasets.totalSegmentatorMr
    |> withAugmentation Augmentation.noMirroring
    |> titled "totalsegmentator-mr"

/// BraTS 2021.
let brats = published Datasets.brats |> titled "brats"
