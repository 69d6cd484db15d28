/// The datasets of the paper, under nnU-Net's numbers, and the one that comes with the project.
[<RequireQualifiedAccess>]
module MedSegDsl.Datasets

/// AMOS 2022, task 1: abdominal CT, 15 organs.
let amos: Dataset = {
    Id = 218
    Name = "AMOS2022_postChallenge_task1"
}

/// AMOS 2022, task 2: abdominal CT and MR, 15 organs.
let amosCtMr: Dataset = {
    Id = 219
    Name = "AMOS2022_postChallenge_task2"
}

/// TotalSegmentator CT v2: 117 structures.
let totalSegmentatorCt: Dataset = {
    Id = 226
    Name = "TotalSegmentatorCT"
}

/// TotalSegmentator MRI: 56 structures.
let totalSegmentatorMr: Dataset = {
    Id = 227
    Name = "TotalSegmentatorMRI"
}

/// BraTS 2021: brain tumours in four MRI sequences, three nested regions.
let brats: Dataset = { Id = 137; Name = "BraTS2021" }

/// One real brain MRI with anatomical labels in seven deformed versions; it lies in experiments/data.
let realBrain: Dataset = { Id = 901; Name = "RealBrain" }

/// Every dataset of the catalogue.
let all = [ amos; amosCtMr; totalSegmentatorCt; totalSegmentatorMr; brats; realBrain ]
