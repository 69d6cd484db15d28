/// Tables as GitHub's Markdown.
[<RequireQualifiedAccess>]
module MedSegDsl.Markdown

let private escape (text: string) =
    text
        .Replace("\\", "\\\\")
        .Replace("|", "\\|")
        .Replace("*", "\\*")
        .Replace("_", "\\_")
        .Replace("<", "&lt;")

let private line =
    function
    | TableLine.Text text -> escape text
    | TableLine.Strong text -> $"**{escape text}**"
    | TableLine.Repeated(lines, times) ->
        let body = lines |> List.map escape |> String.concat "<br>"
        $"**[** {body} **]** × {times}"

let private cell lines =
    lines |> List.map line |> String.concat "<br>"

let private row cells =
    $"""| {cells |> String.concat " | "} |"""

let private rule column =
    match column.Alignment with
    | Alignment.Left -> ":---"
    | Alignment.Center -> ":---:"
    | Alignment.Right -> "---:"

/// The table as Markdown, ending in a newline.
let render (table: Table) =
    [
        $"**{escape table.Title}**"
        ""
        row [ for column in table.Columns -> escape column.Header ]
        row (table.Columns |> List.map rule)
        for cells in table.Rows @ table.Footer do
            row (cells |> List.map cell)
        for note in table.Notes do
            ""
            escape note
        ""
    ]
    |> String.concat "\n"
