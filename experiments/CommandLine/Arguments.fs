/// The words of the command line, nnU-Net's where nnU-Net has a word.
module MedSegDsl.Experiments.CommandLine.Arguments

open Argu
open MedSegDsl.Experiments.CommandLine
open MedSegDsl.Experiments.CommandLine.SelectionArguments
open MedSegDsl.Experiments.CommandLine.SubmitArguments

type ConvertArgs =
    | [<MainCommand; ExactlyOnce>] Release of NAME: string * FOLDER: string
    | [<AltCommandLine("-d")>] Dataset of ID: int
    | Partial
    | Overwrite
    | [<AltCommandLine("-np")>] Workers of COUNT: int
    | [<AltCommandLine("-o")>] Output of FOLDER: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Release _ ->
                "amos, amos-ct-mr, totalsegmentator, totalsegmentator-mri, brats or msd, and the unpacked release; or brats-submission and a folder of predictions"
            | Dataset _ -> "number of the new dataset; default: nnU-Net's own"
            | Partial -> "convert the cases that are whole though the release is not"
            | Overwrite -> "convert finished cases again"
            | Workers _ -> "cases converted at a time; default: one for each core"
            | Output _ -> "brats-submission: folder for the label maps with the labels of BraTS"

type PlanArgs =
    | [<MainCommand; ExactlyOnce>] Dataset of ID: string
    | [<AltCommandLine("-pl")>] Planner of NAME: string
    | [<AltCommandLine("-gpu_memory_target")>] Memory_Target of GB: float
    | [<AltCommandLine("-overwrite_plans_name")>] Plans_Name of NAME: string
    | Verify_Dataset_Integrity

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Dataset _ -> "dataset id (901) or folder name (Dataset901_RealBrain) in nnUNet_raw"
            | Planner _ ->
                "ExperimentPlanner (default), ResEncUNetPlanner, nnUNetPlannerResEncM, nnUNetPlannerResEncL or nnUNetPlannerResEncXL"
            | Memory_Target _ -> "GPU memory the plans should fill, in GB"
            | Plans_Name _ -> "name of the plans file without .json"
            | Verify_Dataset_Integrity -> "check every image and label before planning"

type PreprocessArgs =
    | [<MainCommand; ExactlyOnce>] Dataset of ID: string
    | [<AltCommandLine("-c")>] Configurations of NAME: string list
    | [<AltCommandLine("-p")>] Plans of NAME: string
    | [<AltCommandLine("-np")>] Workers of COUNT: int
    | Overwrite
    | Compress

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Dataset _ -> "dataset id or folder name in nnUNet_raw"
            | Configurations _ -> "configurations of the plans; default: 3d_fullres"
            | Plans _ -> Help.plans
            | Workers _ -> "cases preprocessed at a time; default: by cores and memory"
            | Overwrite -> "preprocess finished cases again"
            | Compress -> "store cases compressed: less room on disk, slower patches"

type TrainArgs =
    | [<MainCommand; ExactlyOnce>] Target of DATASET: string * CONFIGURATION: string * FOLD: string
    | [<AltCommandLine("-n")>] Network of NAME: string
    | [<AltCommandLine("-tr")>] Trainer of NAME: string
    | [<AltCommandLine("-p")>] Plans of NAME: string
    | [<AltCommandLine("--c")>] Continue
    | [<AltCommandLine("-pretrained_weights")>] Pretrained_Weights of FILE: string
    | Epochs of COUNT: int
    | Iterations of COUNT: int
    | Batch of SIZE: int
    | Patch of DxHxW: string
    | Seed of NUMBER: int
    | Precision of NAME: string
    | [<AltCommandLine("-device")>] Device of NAME: string
    | [<AltCommandLine("-num_gpus")>] Gpus of COUNT: int
    | [<AltCommandLine("--npz")>] Save_Probabilities

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Target _ ->
                "for example: 901 3d_fullres 0 (2d, 3d_lowres, 3d_fullres or 3d_cascade_fullres; fold 0 to 4, or all)"
            | Network _ -> "a network of `medseg list`, trained as it was published; default: UlikeMamba_3dMT"
            | Trainer _ ->
                "nnU-Net's name of a trainer, for example nnUNetTrainerUMambaEnc: its network and how it trains (`medseg list trainers`)"
            | Plans _ -> Help.plans
            | Continue -> "go on from the last checkpoint"
            | Pretrained_Weights _ ->
                "start from these weights (.pth, .safetensors) but for the segmentation heads"
            | Epochs _ -> "default: 1000"
            | Iterations _ -> "training batches in an epoch; default: 250"
            | Batch _ -> "batch size; default: the plans'"
            | Patch _ -> "patch size, for example 64x160x160, in 2d 1x256x256; default: the plans'"
            | Seed _ -> "default: 1"
            | Precision _ -> "float32, bfloat16 or float16; default: the trainer's, on the CPU float32"
            | Device _ -> Help.device
            | TrainArgs.Save_Probabilities ->
                "the final validation also writes CASE.npz, from which find-best-configuration tries ensembles"
            | Gpus _ -> "train on so many GPUs of this machine, which share each batch; default: 1"

type PredictArgs =
    | [<AltCommandLine("-i"); Mandatory>] Input of PATH: string
    | [<AltCommandLine("-o"); Mandatory>] Output of FOLDER: string
    | [<AltCommandLine("-d")>] Dataset of ID: string
    | [<AltCommandLine("-c")>] Configuration of NAME: string
    | [<AltCommandLine("-n")>] Network of NAME: string
    | [<AltCommandLine("-p")>] Plans of NAME: string
    | [<AltCommandLine("-m")>] Model of FOLDER: string
    | [<AltCommandLine("-f")>] Folds of FOLD: string list
    | [<AltCommandLine("-chk")>] Checkpoint of NAME: string
    | [<AltCommandLine("-step_size")>] Step_Size of FRACTION: float
    | [<AltCommandLine("--disable_tta")>] No_Mirroring
    | [<AltCommandLine("--save_probabilities")>] Save_Probabilities
    | [<AltCommandLine("--continue_prediction")>] Continue
    | [<AltCommandLine("-prev_stage_predictions")>] Prev_Stage_Predictions of FOLDER: string
    | [<AltCommandLine("-num_parts")>] Num_Parts of COUNT: int
    | [<AltCommandLine("-part_id")>] Part_Id of NUMBER: int
    | [<AltCommandLine("-device")>] Device of NAME: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Input _ -> "folder of images named CASE_0000.nii.gz, or one such file"
            | Output _ -> Help.segmentations
            | Dataset _ -> Help.modelDataset
            | Configuration _ -> Help.configuration
            | Network _ -> Help.network
            | Plans _ -> Help.plans
            | Model _ -> Help.model
            | Folds _ -> "default: every fold that was trained"
            | Checkpoint _ -> Help.checkpoint
            | Step_Size _ -> "step of the sliding window over the patch size; default: 0.5"
            | No_Mirroring -> "predict each patch once, not mirrored along each axis"
            | Save_Probabilities -> "also write the probabilities: CASE.npz and CASE.pkl"
            | Continue -> "skip cases whose segmentation exists"
            | Prev_Stage_Predictions _ ->
                "3d_cascade_fullres needs it: folder of the segmentations of the same images by 3d_lowres"
            | Num_Parts _ ->
                "predict only one of so many parts of the cases, for several machines; default: 1"
            | Part_Id _ -> "which part, from 0; default: 0"
            | Device _ -> Help.device

type EvaluateArgs =
    | [<MainCommand; ExactlyOnce>] Folders of REFERENCE: string * PREDICTION: string
    | [<AltCommandLine("-djfile")>] Dataset_Json of FILE: string
    | [<AltCommandLine("-o")>] Output of FILE: string
    | Rules of NAME: string
    | Tolerance of MM: string list
    | Pictures of COUNT: int
    | Slices of NUMBER: int list
    | Plane of NAME: string
    | Images of FOLDER: string
    | Chill

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Folders _ -> "folder of reference labels, folder of predictions"
            | Dataset_Json _ -> "dataset.json; default: the one in the folder of predictions"
            | Output _ ->
                "default: summary.json in the folder of predictions; metrics.json and metrics.csv lie beside it"
            | Rules _ ->
                "how empty classes count and what is shown: standard (default), amos, brats, totalsegmentator"
            | Tolerance _ -> Help.tolerance
            | Pictures _ ->
                "draw so many of the worst and of the best cases, and box plots, into the folder pictures beside the summary"
            | Slices _ ->
                "for --pictures: these slices, by the numbers beside the pictures; default: of each plane the one that shows most"
            | Plane _ -> "of --slices: axial (default), coronal or sagittal"
            | Images _ -> "folder of the images for --pictures; default: imagesTs beside labelsTs"
            | Chill -> "reference labels without a prediction are no error"

type TableArgs =
    | [<AltCommandLine("-n")>] Networks of NAME: string list
    | Input of CxDxHxW: string
    | Classes of COUNT: int
    | Format of NAME: string
    | Layers
    | Measure
    | [<AltCommandLine("-device")>] Device of NAME: string
    | [<AltCommandLine("-o")>] Output of FILE: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Networks _ -> "networks of `medseg list`, or all (default)"
            | Input _ -> "channels and patch size; default: 1x128x128x128"
            | Classes _ -> "classes with background; default: 16"
            | Format _ -> "markdown (default), latex, html, csv"
            | Layers -> "the layers of one network, or of two side by side, as the paper prints them"
            | Measure -> "also measure latency and memory on the device, one network after the other"
            | Device _ -> "auto (default), cpu, cuda or cuda:N, for --measure"
            | Output _ -> "a file; default: the console"

[<RequireQualifiedAccess>]
type MeasureArgs =
    | [<MainCommand; ExactlyOnce>] Network of NAME: string
    | Input of CxDxHxW: string
    | Classes of COUNT: int
    | [<AltCommandLine("-device")>] Device of NAME: string
    | Json

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | MeasureArgs.Network _ ->
                "a network of `medseg list`, or the folder of a trained model (TRAINER__PLANS__CONFIGURATION)"
            | MeasureArgs.Input _ ->
                "channels and patch size; default: 1x128x128x128, of a trained model those of its training"
            | MeasureArgs.Classes _ ->
                "classes with background; default: 16, of a trained model those of its training"
            | MeasureArgs.Device _ -> Help.device
            | MeasureArgs.Json -> "a line of JSON after each part, for programs"

[<RequireQualifiedAccess>]
type ImportArgs =
    | [<MainCommand; ExactlyOnce>] File of PATH: string
    | [<AltCommandLine("-n")>] Network of NAME: string
    | [<AltCommandLine("-tr")>] Trainer of NAME: string
    | [<AltCommandLine("-d")>] Dataset of ID: string
    | [<AltCommandLine("-c")>] Configuration of NAME: string
    | [<AltCommandLine("-p")>] Plans of NAME: string
    | [<AltCommandLine("-f")>] Fold of FOLD: string
    | Patch of DxHxW: string
    | Weights_Patch of DxHxW: string
    | [<AltCommandLine("-m")>] Model of FOLDER: string
    | Overwrite

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | ImportArgs.File _ ->
                "weights: an nnU-Net v2 checkpoint or a state dict (.pth, .pt), or .safetensors; reading it runs nothing"
            | ImportArgs.Network _ ->
                "the network of `medseg list` that they belong to; default: by the checkpoint's trainer"
            | ImportArgs.Trainer _ -> "nnU-Net's name of the trainer, instead of --network"
            | ImportArgs.Dataset _ ->
                "dataset id or folder name, for its plans; default: plans.json and dataset.json beside the file, or those \
                 inside an nnU-Net checkpoint"
            | ImportArgs.Configuration _ -> "default: the checkpoint's, or 3d_fullres"
            | ImportArgs.Plans _ -> "with -d: plans file without .json; default: nnUNetPlans"
            | ImportArgs.Fold _ -> "default: the checkpoint's, or 0"
            | ImportArgs.Patch _ -> "patch size, for example 64x160x160; default: the plans'"
            | ImportArgs.Weights_Patch _ ->
                "the patch that the weights were made for, where it is another one: position embeddings are interpolated"
            | ImportArgs.Model _ -> "folder for the trained model; default: its place in nnUNet_results"
            | ImportArgs.Overwrite -> "replace a checkpoint that is there"

[<RequireQualifiedAccess>]
type ExportArgs =
    | [<MainCommand; ExactlyOnce>] Target of PATH: string
    | [<AltCommandLine("-i")>] Input of PATH: string
    | [<AltCommandLine("-d")>] Dataset of ID: string
    | [<AltCommandLine("-c")>] Configuration of NAME: string
    | [<AltCommandLine("-n")>] Network of NAME: string
    | [<AltCommandLine("-p")>] Plans of NAME: string
    | [<AltCommandLine("-m")>] Model of FOLDER: string
    | [<AltCommandLine("-f")>] Fold of FOLD: string
    | [<AltCommandLine("-chk")>] Checkpoint of NAME: string
    | As_NnUNet of TRAINER: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | ExportArgs.Target _ ->
                "the file to write: .safetensors, or .pth for torch.load(weights_only=True); names are the published code's"
            | ExportArgs.Input _ -> "a file of weights, instead of a trained model"
            | ExportArgs.Dataset _ -> Help.modelDataset
            | ExportArgs.Configuration _ -> Help.configuration
            | ExportArgs.Network _ -> Help.network
            | ExportArgs.Plans _ -> Help.plans
            | ExportArgs.Model _ -> Help.model
            | ExportArgs.Fold _ -> "default: 0"
            | ExportArgs.Checkpoint _ -> Help.checkpoint
            | ExportArgs.As_NnUNet _ ->
                "write an nnU-Net v2 checkpoint for this trainer class there, for example nnUNetTrainerUMambaEnc"

type QuickstartArgs =
    | [<AltCommandLine("-o")>] Output of FOLDER: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Output _ -> "folder for everything it makes; default: results/quickstart"

type ListArgs =
    | [<MainCommand; Unique>] What of NAME: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | What _ -> "networks, trainers, experiments or datasets; default: all"

type InspectArgs =
    | [<MainCommand; ExactlyOnce>] File of PATH: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | File _ -> "an image: NIfTI, NRRD, MHA, MHD, TIFF, PNG or BMP"

type Command =
    | [<CliPrefix(CliPrefix.None)>] Quickstart of ParseResults<QuickstartArgs>
    | [<CliPrefix(CliPrefix.None)>] Convert of ParseResults<ConvertArgs>
    | [<CliPrefix(CliPrefix.None)>] Plan of ParseResults<PlanArgs>
    | [<CliPrefix(CliPrefix.None)>] Preprocess of ParseResults<PreprocessArgs>
    | [<CliPrefix(CliPrefix.None)>] Train of ParseResults<TrainArgs>
    | [<CliPrefix(CliPrefix.None)>] Submit of ParseResults<SubmitArgs>
    | [<CliPrefix(CliPrefix.None)>] Predict of ParseResults<PredictArgs>
    | [<CliPrefix(CliPrefix.None)>] Evaluate of ParseResults<EvaluateArgs>
    | [<CliPrefix(CliPrefix.None)>] Ensemble of ParseResults<EnsembleArgs>
    | [<CliPrefix(CliPrefix.None)>] Accumulate_Crossval_Results of ParseResults<AccumulateArgs>
    | [<CliPrefix(CliPrefix.None)>] Find_Best_Configuration of ParseResults<FindBestArgs>
    | [<CliPrefix(CliPrefix.None)>] Apply_Postprocessing of ParseResults<ApplyPostprocessingArgs>
    | [<CliPrefix(CliPrefix.None)>] Import of ParseResults<ImportArgs>
    | [<CliPrefix(CliPrefix.None)>] Export of ParseResults<ExportArgs>
    | [<CliPrefix(CliPrefix.None)>] Compare of ParseResults<CompareArgs>
    | [<CliPrefix(CliPrefix.None)>] Table of ParseResults<TableArgs>
    | [<CliPrefix(CliPrefix.None)>] Measure of ParseResults<MeasureArgs>
    | [<CliPrefix(CliPrefix.None)>] List of ParseResults<ListArgs>
    | [<CliPrefix(CliPrefix.None)>] Inspect of ParseResults<InspectArgs>

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Quickstart _ -> "train, predict and evaluate a small network on real brain images, in minutes"
            | Convert _ -> "make a raw dataset from a published one: AMOS, TotalSegmentator, BraTS, Decathlon"
            | Plan _ -> "fingerprint a dataset and write its plans"
            | Preprocess _ -> "preprocess a dataset for training"
            | Train _ -> "train a network on one fold"
            | Submit _ -> "train folds and seeds as a Slurm job array"
            | Predict _ -> "segment images with a trained model"
            | Evaluate _ ->
                "Dice, surface distances and more of predictions against reference labels, as summary.json and metrics.csv"
            | Ensemble _ -> "average the probabilities of several predictions"
            | Accumulate_Crossval_Results _ ->
                "the validation cases of all folds in one folder, evaluated together"
            | Find_Best_Configuration _ ->
                "choose between trained models and ensembles on the cross-validation, and the post-processing"
            | Apply_Postprocessing _ -> "apply the post-processing that was found to new segmentations"
            | Import _ -> "make a trained model of weights from PyTorch or nnU-Net"
            | Export _ -> "write a trained model's weights for PyTorch or nnU-Net"
            | Table _ -> "parameters, multiply-adds, memory and layers of networks"
            | Measure _ -> "latency and memory of a network on this machine"
            | Compare _ -> "results, tests and costs of several trained models in one table, with pictures"
            | List _ -> "networks, experiments and datasets by name"
            | Inspect _ -> "shape, spacing, affine, type and values of an image"
