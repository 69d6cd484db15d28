module MedSegDsl.Tests.Dsl.TablesTests

open System.IO
open Expecto
open MedSegDsl

let private input = Size3.cube 128, 1, 16

let private architecture names =
    Tables.architecture input (List.choose Networks.tryFind names)

/// What `dotnet fsi experiments/tables.fsx tests/Dsl/expected` writes.
let private tables = [
    "architecture", architecture [ "UlikeTrans_SRA_paper"; "UlikeMamba_3d_paper" ]
    "architecture_UlikeMamba_3dMT", architecture [ "UlikeMamba_3dMT_paper"; "UlikeMamba_3dMT" ]
    "architecture_multi-scale",
    architecture [ "UlikeMamba_3d_MSv1"; "UlikeMamba_3d_MSv2"; "UlikeMamba_3d_MSv3" ]
    "architecture_transformers", architecture [ "SegFormer3D"; "CoTr" ]
    "architecture_MedNeXt", architecture [ "MedNeXt_B_kernel3"; "MedNeXt_L_kernel5" ]
    "comparison", Tables.comparison input Networks.all
]

let private renderers = [
    "md", Markdown.render
    "tex", Latex.render
    "html", Html.render
    "csv", CommaSeparated.render
]

let private ok =
    function
    | Ok value -> value
    | Error errors -> failtest (DslError.render errors)

let private small = {
    Title = "a < b & c_d | 50%"
    Columns = [
        {
            Header = "x*y"
            Alignment = Alignment.Left
        }
        {
            Header = "n"
            Alignment = Alignment.Right
        }
    ]
    Rows = [ [ [ TableLine.Repeated([ "a|b"; "{c}" ], 2) ]; [ TableLine.Text "1" ] ] ]
    Footer = []
    Notes = []
}

let tests =
    testList "dsl/tables" [
        for name, table in tables do
            for extension, render in renderers do
                testCase $"{name}.{extension} is as checked in"
                <| fun () ->
                    let file = Path.Combine(__SOURCE_DIRECTORY__, "expected", $"{name}.{extension}")

                    Expect.equal
                        (render (ok table))
                        (File.ReadAllText file)
                        "`dotnet fsi experiments/tables.fsx tests/Dsl/expected` writes it anew"

        testCase "a network that does not suit the input gives errors under its name"
        <| fun () ->
            match
                Tables.comparison (Size3.create 128 128 100, 1, 16) [ UlikeMamba.threeD; UlikeTrans.sra ]
            with
            | Ok _ -> failtest "100 is no multiple of 32"
            | Error errors ->
                Expect.equal
                    [ for error in errors -> error.Path ]
                    [ "'UlikeMamba_3d'.patch.w"; "'UlikeTrans_SRA'.patch.w" ]
                    "paths"

        testCase "networks of different depth stand side by side"
        <| fun () ->
            let table =
                Tables.architecture input [ UlikeMamba.threeD; UlikeMamba.threeD |> withStages 2 ]
                |> ok

            let titles = [ for row in table.Rows -> row.Head ]
            let line text = [ TableLine.Text text ]
            Expect.containsAll titles [ line "ES4"; line "DS3" ] "the deeper one's rows"
            let es4 = table.Rows |> List.find (fun row -> row.Head = line "ES4")
            Expect.equal es4[2] [] "nothing in the shallower one's cell"
            let ds1 = table.Rows |> List.find (fun row -> row.Head = line "DS1")

            Expect.equal
                ds1[3]
                [ TableLine.Text "D/8 × H/16 × W/16"; TableLine.Text "D/2 × H/4 × W/4" ]
                "DS1 ends in another size in each"

        testCase "special characters are text in every format"
        <| fun () ->
            Expect.stringContains (Html.render small) "a &lt; b &amp; c_d | 50%" "HTML"
            Expect.stringContains (Markdown.render small) @"a &lt; b & c\_d \| 50%" "Markdown"

            Expect.stringContains
                (Markdown.render small)
                @"| **[** a\|b<br>{c} **]** × 2 | 1 |"
                "Markdown cells"

            Expect.stringContains (Latex.render small) @"\& c\_d | 50\%" "LaTeX"

            Expect.stringContains
                (Latex.render small)
                @"\{c\}\end{tabular}\right] \times 2$ & 1 \\"
                "LaTeX cells"

        testCase "CSV quotes what separates, and keeps other text"
        <| fun () ->
            let quotes = {
                small with
                    Rows = [ [ [ TableLine.Text "a, \"b\""; TableLine.Text "c" ]; [] ] ]
            }

            Expect.equal (CommaSeparated.render quotes) "x*y,n\n\"a, \"\"b\"\"; c\",\n" "RFC 4180"

        testCase "measured columns stand beside computed ones, and what is missing is shown as missing"
        <| fun () ->
            let figures (network: Network) =
                if network.Name = UlikeMamba.threeD.Name then
                    Some {
                        Forward =
                            Some {
                                Milliseconds = 12.34
                                PeakBytes = Some(3L <<< 29)
                            }
                        Training =
                            Some {
                                Milliseconds = 50.0
                                PeakBytes = None
                            }
                    }
                else
                    None

            let table =
                Tables.measuredComparison "CPU" figures input [ UlikeMamba.threeD; UlikeTrans.sra ]
                |> ok

            let cells = [ for row in table.Rows -> row |> List.skip 4 |> List.collect id ]
            let texts values = [ for value: string in values -> TableLine.Text value ]
            Expect.equal table.Columns.Length 8 "columns"

            Expect.equal
                cells
                [
                    texts [ "12.3"; "1.50"; "50.0"; "n/a" ]
                    texts [ "n/a"; "n/a"; "n/a"; "n/a" ]
                ]
                "figures"
    ]
