namespace MedSegDsl

/// A line inside a cell of a table.
[<RequireQualifiedAccess>]
type TableLine =
    | Text of string
    /// Text that stands out: the best of a column.
    | Strong of string
    /// Lines in brackets with the number of times that they repeat: `[ … ] × 2`.
    | Repeated of lines: string list * times: int

/// Where the text of a column stands.
[<RequireQualifiedAccess>]
type Alignment =
    | Left
    | Center
    | Right

/// A column's header and alignment.
type TableColumn = { Header: string; Alignment: Alignment }

/// A table before it is Markdown, LaTeX or HTML.
type Table = {
    Title: string
    Columns: TableColumn list
    /// Rows of cells of lines, as many cells as columns.
    Rows: TableLine list list list
    /// Rows under a rule of their own, such as totals.
    Footer: TableLine list list list
    /// What a reader must know, under the table.
    Notes: string list
}
