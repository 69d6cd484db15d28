/// Words of the command line that become values of the DSL.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.CommandLine.Parse

open System
open MedSegDsl
open MedSegDsl.Runtime

let private refuse message : 'a = raise (UserException message)

/// A network of the catalogue, by name.
let network (name: string) =
    match Networks.tryFind name with
    | Some network -> network
    | None -> refuse $"{name} is no network of the catalogue; `medseg list networks` prints them"

/// The network of a trainer under nnU-Net's name, and what that sets.
let trained (name: string) =
    match TrainerAliases.tryFind name with
    | None ->
        let names = String.Join(", ", [ for alias in TrainerAliases.all -> alias.Name ])

        refuse $"{name} is no trainer that is known here; there are {names}"
    | Some alias ->
        match Networks.tryFind alias.Network with
        | Some network -> network, asInTrainer alias.Trainer >> alias.Change
        | None -> refuse $"{name} trains {alias.Network}, which is not in the catalogue"

/// `all`, or networks of the catalogue by name.
let networks =
    function
    | []
    | [ "all" ] -> Networks.all
    | names -> List.map network names

/// Whole numbers joined by x: `64x160x160`.
let private numbers (text: string) =
    let parts = text.Split('x', '×', ',')

    let parsed =
        parts
        |> Array.choose (fun part ->
            match Int32.TryParse part with
            | true, n when n > 0 -> Some n
            | _ -> None)

    if parsed.Length = parts.Length then
        List.ofArray parsed
    else
        []

/// A patch size: `64x160x160`.
let patch text =
    match numbers text with
    | [ d; h; w ] -> Size3.create d h w
    | _ -> refuse $"{text} is no patch size; write depth x height x width, for example 64x160x160"

/// Channels and a patch size: `1x128x128x128`.
let input text =
    match numbers text with
    | [ channels; d; h; w ] -> channels, Size3.create d h w
    | _ ->
        refuse $"{text} is no input size; write channels x depth x height x width, for example 1x128x128x128"

/// nnU-Net's names of configurations.
let configuration =
    function
    | "2d" -> Configuration.TwoD
    | "3d_fullres" -> Configuration.ThreeDFullRes
    | "3d_lowres" -> Configuration.ThreeDLowRes
    | "3d_cascade_fullres" -> Configuration.ThreeDCascadeFullRes
    | other ->
        refuse $"{other} is no configuration; there are 2d, 3d_fullres, 3d_lowres and 3d_cascade_fullres"

/// A number from 0, or `all`.
let fold (text: string) =
    match text, Int32.TryParse text with
    | "all", _ -> Fold.All
    | _, (true, index) when index >= 0 -> Fold.Index index
    | _ -> refuse $"{text} is no fold; write a number from 0, or all"

/// `float32`, `bfloat16` or `float16`, also `fp32`, `bf16`, `fp16`.
let precision =
    function
    | "float32"
    | "fp32" -> Precision.Float32
    | "bfloat16"
    | "bf16" -> Precision.BFloat16
    | "float16"
    | "fp16" -> Precision.Float16
    | other -> refuse $"{other} is no precision; write float32, bfloat16 or float16"

/// `auto`, `cpu`, `cuda` or `cuda:N`.
let device (text: string) =
    match text.Split ':' with
    | [| "auto" |] -> Device.Automatic
    | [| "cpu" |] -> Device.Cpu
    | [| "cuda" |]
    | [| "gpu" |] -> Device.Cuda 0
    | [| "cuda"; index |] when fst (Int32.TryParse index) -> Device.Cuda(int index)
    | _ -> refuse $"{text} is no device; write auto, cpu, cuda or cuda:N"

/// Changes an experiment by a value that the command line may hold.
let applied value (change: 'a -> Experiment -> Experiment) experiment =
    match value with
    | Some value -> change value experiment
    | None -> experiment
