/// Tables as LaTeX; the document needs the packages amsmath and booktabs.
[<RequireQualifiedAccess>]
module MedSegDsl.Latex

let private escape (text: string) =
    text
    |> String.collect (fun character ->
        match character with
        | '\\' -> @"\textbackslash{}"
        | '{'
        | '}'
        | '_'
        | '%'
        | '&'
        | '#'
        | '$' -> $"\\{character}"
        | '~' -> @"\textasciitilde{}"
        | '^' -> @"\textasciicircum{}"
        | '×' -> @"$\times$"
        | '±' -> @"$\pm$"
        | '<' -> "$<$"
        | '–' -> "--"
        | other -> string other)

let private stack position lines =
    let body = lines |> String.concat @" \\ "
    $@"\begin{{tabular}}[{position}]{{@{{}}l@{{}}}}{body}\end{{tabular}}"

let private line =
    function
    | TableLine.Text text -> escape text
    | TableLine.Strong text -> $@"\textbf{{{escape text}}}"
    | TableLine.Repeated(lines, times) ->
        $@"$\left[{lines |> List.map escape |> stack 'c'}\right] \times {times}$"

let private cell lines =
    match lines |> List.map line with
    | [] -> ""
    | [ single ] -> single
    | several -> stack 'c' several

let private row cells = String.concat " & " cells + @" \\"

let private spaced rows =
    rows |> List.map (List.map cell >> row) |> String.concat "\n\\addlinespace\n"

let private specification column =
    match column.Alignment with
    | Alignment.Left -> "l"
    | Alignment.Center -> "c"
    | Alignment.Right -> "r"

/// The table as a `table` environment, ending in a newline.
let render (table: Table) =
    let notes = table.Notes |> List.map escape |> String.concat " "
    let columns = table.Columns |> List.map specification |> String.concat ""

    [
        @"% Needs \usepackage{amsmath, booktabs}."
        @"\begin{table}"
        @"\centering"
        @"\footnotesize"
        @"\setlength{\tabcolsep}{4pt}"
        $@"\caption{{{escape table.Title}. {notes}}}"
        @"\medskip"
        $@"\begin{{tabular}}{{{columns}}}"
        @"\toprule"
        row [ for column in table.Columns -> escape column.Header ]
        @"\midrule"
        spaced table.Rows
        if not table.Footer.IsEmpty then
            @"\midrule"

            spaced table.Footer
        @"\bottomrule"
        @"\end{tabular}"
        @"\end{table}"
        ""
    ]
    |> String.concat "\n"
