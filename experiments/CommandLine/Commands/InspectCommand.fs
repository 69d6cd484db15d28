/// `medseg inspect FILE`: what an image holds.
module MedSegDsl.Experiments.CommandLine.Commands.InspectCommand

open Argu
open Spectre.Console
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.CommandLine
open MedSegDsl.Experiments.CommandLine.Arguments

let private row (grid: Grid) (name: string) (value: string) =
    grid.AddRow(Markup $"[grey]{name}[/]", Text value) |> ignore

let private scaling (seen: ImageInspection) =
    if seen.Slope = 1.0 && seen.Intercept = 0.0 then
        ""
    else
        $", value = stored × {seen.Slope} + {seen.Intercept}"

let run (args: ParseResults<InspectArgs>) =
    let file = args.GetResult InspectArgs.File
    let seen = ImageInspection.Of file
    let grid = Grid().AddColumn().AddColumn()

    let join (values: seq<_>) =
        String.concat " × " (Seq.map string values)

    row grid "file" file
    row grid "shape (z, y, x)" (join seen.Shape)

    if seen.Channels > 1 then
        row grid "channels" $"{seen.Channels}"

    row grid "spacing (z, y, x)" $"{join seen.Geometry.Spacing} mm"

    for i in 0..2 do
        let line =
            String.concat "  " [ for j in 0..3 -> $"%10.4f{seen.Geometry.Affine[i, j]}" ]

        row grid (if i = 0 then "affine" else "") line

    row grid "stored type" (seen.StoredType + scaling seen)
    row grid "minimum" $"{seen.Minimum}"
    row grid "maximum" $"{seen.Maximum}"
    row grid "mean" $"%.6g{seen.Mean}"

    if seen.NotFinite > 0L then
        row grid "not finite" $"{seen.NotFinite} voxels are NaN or infinite"

    match seen.Labels with
    | null -> ()
    | labels ->
        let shown = [ for pair in labels -> $"{pair.Key}: {pair.Value}" ]
        row grid "labels (voxels)" (String.concat ", " shown)

    AnsiConsole.Write grid
    Exit.done'
