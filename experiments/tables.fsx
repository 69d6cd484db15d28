// The architecture tables and the comparison of every network, as Markdown, LaTeX, HTML and CSV:
//
//   dotnet build -c Release
//   dotnet fsi experiments/tables.fsx [FOLDER]
//
// FOLDER is results/tables where none is given. Where fsi does not find the assembly below, the first command was not
// run. Definitions are all that is read: no libtorch is loaded.
#r "../dsl/bin/Release/net10.0/MedSegDsl.Dsl.dll"

open System
open System.IO
open MedSegDsl

/// The input of the paper's FLOPs: one channel, 128³ voxels, 16 classes.
let input = Size3.cube 128, 1, 16

/// A network of the catalogue; `_paper` is the paper's version where the public code differs.
let network name =
    match Networks.tryFind name with
    | Some network -> network
    | None ->
        eprintfn "%s is not in the catalogue" name
        exit 1

let architecture names =
    Tables.architecture input (List.map network names)

let tables = [
    "architecture", architecture [ "UlikeTrans_SRA_paper"; "UlikeMamba_3d_paper" ]
    "architecture_UlikeMamba_3dMT", architecture [ "UlikeMamba_3dMT_paper"; "UlikeMamba_3dMT" ]
    "architecture_multi-scale",
    architecture [ "UlikeMamba_3d_MSv1"; "UlikeMamba_3d_MSv2"; "UlikeMamba_3d_MSv3" ]
    "architecture_transformers", architecture [ "SegFormer3D"; "CoTr" ]
    "architecture_MedNeXt", architecture [ "MedNeXt_B_kernel3"; "MedNeXt_L_kernel5" ]
    "comparison", Tables.comparison input Networks.all
]

let folder =
    match fsi.CommandLineArgs with
    | [| _ |] -> Path.Combine(__SOURCE_DIRECTORY__, "..", "results", "tables")
    | [| _; folder |] -> folder
    | _ ->
        eprintfn "usage: dotnet fsi experiments/tables.fsx [FOLDER]"
        exit 2

Directory.CreateDirectory folder |> ignore

for name, table in tables do
    match table with
    | Ok table ->
        for extension, render in
            [
                "md", Markdown.render
                "tex", Latex.render
                "html", Html.render
                "csv", CommaSeparated.render
            ] do
            let file = Path.GetFullPath(Path.Combine(folder, $"{name}.{extension}"))
            File.WriteAllText(file, render table)
            printfn $"{file}"
    | Error errors ->
        eprintfn $"{name}: {DslError.render errors}"
        exit 1
