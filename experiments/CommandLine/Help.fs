/// What the help says of a word that several commands have.
module MedSegDsl.Experiments.CommandLine.Help

let dataset = "dataset id or folder name"

let modelDataset =
    "dataset id or folder name: the model is looked up in nnUNet_results"

let configuration = "default: 3d_fullres"
let plans = "plans file without .json; default: nnUNetPlans"
let network = "the network that was trained; default: UlikeMamba_3dMT"

let model = "the folder that holds fold_0, ...: instead of -d, -c, -n, -p"

let folds = "default: 0 1 2 3 4"
let checkpoint = "checkpoint_final (default) or checkpoint_best"
let device = "auto (default), cpu, cuda or cuda:N"
let segmentations = "folder for the segmentations"

let tolerance =
    "of NSD in mm: 2 for all classes, liver=5 for one; default: the rules'"
