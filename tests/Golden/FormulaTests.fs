module MedSegDsl.Tests.Golden.FormulaTests

open Expecto
open MedSegDsl.Tests.Golden

let tests =
    testList "golden/formula" [
        for entry in (Folder.read (Folder.at [ "formula-check.json" ])).GetProperty("unit").EnumerateObject() ->
            test entry.Name {
                let expected = Expectations.numbers entry.Value
                Expect.equal (Formula.unit entry.Name expected.Length) expected "the formula's numbers"
            }
    ]
