/// Tables as HTML.
[<RequireQualifiedAccess>]
module MedSegDsl.Html

let private escape (text: string) =
    text.Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;").Replace("\"", "&quot;")

let private stylesheet =
    """
body { margin: 2.5rem auto; width: fit-content; min-width: 50rem; padding: 0 1rem; color: #111; background: #fff;
  font: 15px/1.45 "STIX Two Text", "Libertinus Serif", "Times New Roman", "Liberation Serif", serif; }
figure { margin: 0 0 3rem; }
figcaption { margin-bottom: .6rem; font-weight: bold; text-align: center; }
table { border-collapse: collapse; margin: 0 auto; border-top: 2px solid; border-bottom: 2px solid; }
th, td { padding: .35rem .9rem; vertical-align: middle; text-align: left; white-space: nowrap; }
thead { border-bottom: 1px solid; }
tbody tr + tr { border-top: 1px solid #ddd; }
tfoot { border-top: 1px solid; }
.center { text-align: center; }
.right { text-align: right; font-variant-numeric: tabular-nums; }
.layers { display: flex; align-items: center; gap: .4rem; margin: .2rem 0; }
.brackets { position: relative; padding: .15rem .6rem; }
.brackets::before, .brackets::after { content: ""; position: absolute; top: 0; bottom: 0; width: .35rem;
  border: 1.2px solid; }
.brackets::before { left: 0; border-right: 0; }
.brackets::after { right: 0; border-left: 0; }
.note { margin: .5rem auto 0; max-width: 46rem; font-size: 13px; color: #444; text-align: center; }
"""

let private line =
    function
    | TableLine.Text text -> $"<div>{escape text}</div>"
    | TableLine.Strong text -> $"<div><b>{escape text}</b></div>"
    | TableLine.Repeated(lines, times) ->
        let body =
            lines |> List.map (fun text -> $"<div>{escape text}</div>") |> String.concat ""

        $"""<div class="layers"><div class="brackets">{body}</div>× {times}</div>"""

let private cell tag column content =
    match column.Alignment with
    | Alignment.Left -> $"<{tag}>{content}</{tag}>"
    | Alignment.Center -> $"<{tag} class=\"center\">{content}</{tag}>"
    | Alignment.Right -> $"<{tag} class=\"right\">{content}</{tag}>"

let private row columns cells =
    let cells = [
        for column, lines in Seq.zip columns cells ->
            cell "td" column (lines |> List.map line |> String.concat "")
    ]

    $"""<tr>{String.concat "" cells}</tr>"""

/// The table as a `figure` element.
let figure (table: Table) =
    [
        "<figure>"
        $"<figcaption>{escape table.Title}</figcaption>"
        "<table>"
        "<thead>"
        $"""<tr>{String.concat "" [ for column in table.Columns -> cell "th" column (escape column.Header) ]}</tr>"""
        "</thead>"
        "<tbody>"
        for cells in table.Rows do
            row table.Columns cells
        "</tbody>"
        if not table.Footer.IsEmpty then
            "<tfoot>"

            for cells in table.Footer do
                row table.Columns cells

            "</tfoot>"
        "</table>"
        for note in table.Notes do
            $"""<p class="note">{escape note}</p>"""
        "</figure>"
    ]
    |> String.concat "\n"

/// A page of tables, ending in a newline.
let page title (tables: Table list) =
    [
        "<!DOCTYPE html>"
        "<html lang=\"en\">"
        "<head>"
        "<meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width\">"
        $"<title>{escape title}</title>"
        $"<style>{stylesheet}</style>"
        "</head>"
        "<body>"
        for table in tables do
            figure table
        "</body>"
        "</html>"
        ""
    ]
    |> String.concat "\n"

/// A page of one table.
let render (table: Table) = page table.Title [ table ]
