module MedSegDsl.Tests.Golden.FormulaTests

open System.IO
open Expecto
open MedSegDsl.Tests.Golden

let private file = Folder.at [ "formula-check.json" ]

let tests =
    testList "golden/formula" [
        if File.Exists file then
            for entry in (Folder.read file).GetProperty("unit").EnumerateObject() ->
                test entry.Name {
                    let expected = Expectations.numbers entry.Value
                    Expect.equal (Formula.unit entry.Name expected.Length) expected "the formula's numbers"
                }
    ]
