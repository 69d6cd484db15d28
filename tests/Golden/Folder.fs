/// Where the golden data lies: the folder that MEDSEG_GOLDEN names, else tests/golden of this checkout.
module MedSegDsl.Tests.Golden.Folder

open System
open System.IO
open System.Text.Json

let private ownFolder =
    let rec up (folder: DirectoryInfo | null) =
        match folder with
        | null -> failwith "tests/golden was not found above the test program"
        | folder when Directory.Exists(Path.Combine(folder.FullName, "tests", "golden")) ->
            Path.Combine(folder.FullName, "tests", "golden")
        | folder -> up folder.Parent

    lazy up (DirectoryInfo AppContext.BaseDirectory)

/// The folder with `networks` and `pipeline`.
let path =
    match Environment.GetEnvironmentVariable "MEDSEG_GOLDEN" with
    | null
    | "" -> ownFolder.Value
    | folder when Directory.Exists folder -> Path.GetFullPath folder
    | folder -> failwith $"MEDSEG_GOLDEN names {folder}, which is not a folder"

/// A path inside the golden folder.
let at (parts: string list) =
    Path.Combine(Array.ofList (path :: parts))

/// The JSON files of a folder inside the golden folder, by name; none where the folder is missing.
let manifests (parts: string list) =
    let folder = at parts

    if Directory.Exists folder then
        Directory.GetFiles(folder, "*.json") |> Array.sort |> List.ofArray
    else
        []

/// Reads a JSON file whole.
let read (file: string) =
    JsonDocument.Parse(File.ReadAllBytes file).RootElement

/// The names of the folders inside a folder of the golden folder; none where it is missing.
let folders (parts: string list) =
    let folder = at parts

    if Directory.Exists folder then
        DirectoryInfo(folder).GetDirectories()
        |> Array.map _.Name
        |> Array.sort
        |> List.ofArray
    else
        []

/// The elements of a list in a JSON file of the golden folder; none where the file or the list is missing.
let entries (parts: string list) (property: string) =
    let file = at parts

    if File.Exists file then
        match (read file).TryGetProperty property with
        | true, list -> List.ofSeq (list.EnumerateArray())
        | _ -> []
    else
        []
