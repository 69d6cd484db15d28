/// `medseg table`: networks compared, or their layers side by side.
module MedSegDsl.Experiments.CommandLine.Commands.TableCommand

open System.IO
open Argu
open MedSegDsl
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Files
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine
open MedSegDsl.Experiments.CommandLine.Arguments

let private renderer =
    function
    | "markdown"
    | "md" -> Markdown.render
    | "latex"
    | "tex" -> Latex.render
    | "html" -> Html.render
    | "csv" -> CommaSeparated.render
    | other ->
        raise (UserException $"{other} is no format of tables; there are markdown, latex, html and csv")

/// The comparison with measured columns; each network in a process of its own.
let private measured device input networks =
    // A wrong definition or input is refused before anything is measured.
    Tables.comparison input networks
    |> Result.bind (fun _ ->
        let figures = [ for network in networks -> Measuring.inOwnProcess input device network ]
        let place = figures |> List.tryPick (Option.map fst) |> Option.defaultValue device

        let byName =
            List.zip [ for network in networks -> network.Name ] figures |> Map.ofList

        Tables.measuredComparison
            place
            (fun network -> byName[network.Name] |> Option.map snd)
            input
            networks)

/// Prints the table, or writes it to the file of `--output`, whose ending then tells the format.
let run (args: ParseResults<TableArgs>) =
    let output = args.TryGetResult TableArgs.Output

    let format =
        match args.TryGetResult TableArgs.Format, output with
        | Some format, _ -> format
        | None, Some file -> (string (Path.GetExtension file)).TrimStart '.'
        | None, None -> "markdown"

    let render = renderer format
    let networks = Parse.networks (args.GetResult(TableArgs.Networks, [ "all" ]))
    let channels, patch = Parse.input (args.GetResult(TableArgs.Input, "1x128x128x128"))
    let input = patch, channels, args.GetResult(TableArgs.Classes, 16)

    let device = args.GetResult(TableArgs.Device, "auto")
    Parse.device device |> ignore

    let make =
        match args.Contains Layers, args.Contains TableArgs.Measure with
        | true, true ->
            raise (UserException "--layers has no measured columns: leave out --measure or --layers")
        | true, false -> Tables.architecture
        | false, true -> measured device
        | false, false -> Tables.comparison

    match make input networks with
    | Error errors -> raise (UserException(DslError.render errors))
    | Ok table ->
        match output with
        | None -> printfn "%s" (render table)
        | Some file ->
            AtomicFile.WriteText(file, render table)
            printfn "wrote %s" file

        Exit.done'
