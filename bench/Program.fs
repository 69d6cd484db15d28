module MedSegDsl.Bench.Program

[<EntryPoint>]
let main _ = 0
