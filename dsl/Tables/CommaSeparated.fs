/// Tables as comma-separated values (RFC 4180), for spreadsheets and programs.
[<RequireQualifiedAccess>]
module MedSegDsl.CommaSeparated

let private line =
    function
    | TableLine.Text text
    | TableLine.Strong text -> text
    | TableLine.Repeated(lines, times) -> $"""[{String.concat "; " lines}] × {times}"""

let private quoted (text: string) =
    if text.IndexOfAny [| ','; '"'; '\n'; '\r' |] >= 0 then
        "\"" + text.Replace("\"", "\"\"") + "\""
    else
        text

let private row cells =
    cells |> List.map quoted |> String.concat ","

/// The table's header and rows, ending in a newline; title and notes are left out. Lines inside a cell are joined by `; `.
let render (table: Table) =
    [
        row [ for column in table.Columns -> column.Header ]
        for cells in table.Rows @ table.Footer do
            row [ for lines in cells -> lines |> List.map line |> String.concat "; " ]
        ""
    ]
    |> String.concat "\n"
