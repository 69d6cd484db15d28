namespace MedSegDsl

open System.Globalization

/// Tables of networks, made from their definitions alone.
[<RequireQualifiedAccess>]
module Tables =
    let private column alignment header = {
        Header = header
        Alignment = alignment
    }

    let private text value = [ TableLine.Text value ]

    let private fixedPoint (digits: int) (value: float) =
        value.ToString($"F{digits}", CultureInfo.InvariantCulture)

    let private millions (cost: Cost) =
        fixedPoint 2 (float cost.ParameterCount / 1e6)

    let private giga (cost: Cost) =
        fixedPoint 2 (float cost.MultiplyAdds / 1e9)

    let private gibibytes (cost: Cost) =
        fixedPoint 2 (float cost.ActivationBytes / float (1L <<< 30))

    let private input (patch: Size3, channels: int, classes: int) =
        $"{channels} × {RowText.absoluteSize patch}, {classes} classes"

    let rec private enumerate names =
        match names with
        | []
        | [ _ ] -> String.concat "" names
        | [ first; last ] -> $"{first} and {last}"
        | first :: rest -> $"{first}, {enumerate rest}"

    let private flopsNote =
        "FLOPs as the paper counts them: multiply–adds of convolutions, linear layers and attention products; the \
         selective scan is not counted."

    let private memoryNote =
        "Memory: what one patch's activations take in float32 until the backward pass, attention matrices included; \
         weights, gradients and the optimizer's state come on top."

    let private costs input networks : Validation<NetworkCost list> =
        networks
        |> List.map (fun (network: Network) ->
            NetworkCost.ofNetwork input network |> Validation.field $"'{network.Name}'")
        |> Validation.all

    /// The rows of the networks in the order of the architecture, each once.
    let private rowsOf (costs: NetworkCost list) =
        [
            for cost in costs do
                for row in cost.Rows -> row.Row
        ]
        |> List.distinct
        |> List.sortBy Row.order

    let private outputSize (costs: NetworkCost list) row =
        [
            for cost in costs do
                for rowCost in cost.Rows do
                    if rowCost.Row = row && row <> Row.DeepSupervision then
                        RowText.relativeSize rowCost.Reduction
        ]
        |> List.distinct
        |> List.map TableLine.Text

    let private total name format (costs: NetworkCost list) =
        [ text name ] @ [ for cost in costs -> text (format cost.Total) ] @ [ [] ]

    let private architectureOf input' (costs: NetworkCost list) = {
        Title = $"Architecture of {enumerate [ for cost in costs -> cost.Network.Name ]}"
        Columns = [
            column Alignment.Left "Layer"
            for cost in costs do
                column Alignment.Left cost.Network.Name
            column Alignment.Center "Output size"
        ]
        Rows = [
            for row in rowsOf costs do
                [
                    text (Row.title row)
                    for cost in costs do
                        RowText.configuration cost row
                    outputSize costs row
                ]
        ]
        Footer = [ total "Parameters (M)" millions costs; total "FLOPs (G)" giga costs ]
        Notes = [ $"Parameters and FLOPs for an input of {input input'}."; flopsNote ]
    }

    let private comparisonOf input' (costs: NetworkCost list) = {
        Title = $"Networks on {input input'}"
        Columns = [
            column Alignment.Left "Network"
            for header in [ "Parameters (M)"; "FLOPs (G)"; "Memory (GiB)" ] do
                column Alignment.Right header
        ]
        Rows = [
            for cost in costs do
                [
                    text cost.Network.Name
                    text (millions cost.Total)
                    text (giga cost.Total)
                    text (gibibytes cost.Total)
                ]
        ]
        Footer = []
        Notes = [ flopsNote; memoryNote ]
    }

    /// What stands in the place of a figure that is missing.
    let private absent = "n/a"

    let private measuredCells (figures: MeasuredFigures option) =
        let cell value format =
            text (value |> Option.map format |> Option.defaultValue absent)

        let bytes pass =
            pass |> Option.bind (fun pass -> pass.PeakBytes)

        let milliseconds = fun pass -> fixedPoint 1 pass.Milliseconds

        let gibibytes (bytes: int64) =
            fixedPoint 2 (float bytes / float (1L <<< 30))

        let forward = figures |> Option.bind _.Forward
        let training = figures |> Option.bind _.Training

        [
            cell forward milliseconds
            cell (bytes forward) gibibytes
            cell training milliseconds
            cell (bytes training) gibibytes
        ]

    let private measuredNote device =
        $"Measured on {device}: one patch in float32, median over passes; prediction makes the final class map alone, \
         training is a forward and a backward pass; memory is the peak of weights, activations and gradients. {absent}: \
         not measured, or more memory than there is."

    /// Adds what was measured to the table of costs; the networks' order is the table's.
    let private withMeasured device (figures: MeasuredFigures option list) table = {
        table with
            Columns =
                table.Columns
                @ [
                    for header in [ "Prediction (ms)"; "Prediction (GiB)"; "Training (ms)"; "Training (GiB)" ] do
                        column Alignment.Right header
                ]
            Rows = [
                for cells, figures in List.zip table.Rows figures -> cells @ measuredCells figures
            ]
            Notes = table.Notes @ [ measuredNote device ]
    }

    /// Networks side by side as the paper prints them: layer, each network's configuration, output size. The patch
    /// (voxels), image channels and classes give the totals; a network that does not suit them gives errors under its
    /// name.
    let architecture input (networks: Network list) : Result<Table, DslError list> =
        costs input networks |> Result.map (architectureOf input)

    /// One row for each network: parameters, multiply–adds, activation memory of a patch in training.
    let comparison input (networks: Network list) : Result<Table, DslError list> =
        costs input networks |> Result.map (comparisonOf input)

    /// The comparison with measured columns beside the computed ones. `measure` gives a network's figures, or nothing
    /// where it does not run; it is not asked where a definition is wrong.
    let measuredComparison
        device
        (measure: Network -> MeasuredFigures option)
        input
        (networks: Network list)
        : Result<Table, DslError list> =
        comparison input networks
        |> Result.map (fun table -> withMeasured device (List.map measure networks) table)
