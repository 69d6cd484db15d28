/// The rows of a file in golden/pipeline/unit.
module MedSegDsl.Tests.Runtime.UnitFile

open System.IO
open System.Text.Json
open MedSegDsl.Tests.Golden

/// The elements of a list in unit/<name>.json; none where the file or the list is missing.
let rows (name: string) (list: string) : JsonElement list =
    let file = Folder.at [ "pipeline"; "unit"; name + ".json" ]

    if File.Exists file then
        match (Folder.read file).TryGetProperty list with
        | true, rows -> List.ofSeq (rows.EnumerateArray())
        | _ -> []
    else
        []
