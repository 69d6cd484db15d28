module MedSegDsl.Experiments.Program

[<EntryPoint>]
let main _ = 0
