/// The experiments that have a name.
[<RequireQualifiedAccess>]
module MedSegDsl.Catalogue

/// The paper's experiments and the quick start.
let experiments = [
    PaperExperiments.amos
    PaperExperiments.totalSegmentatorCt
    PaperExperiments.totalSegmentatorMr
    PaperExperiments.brats
    QuickStart.experiment
]
