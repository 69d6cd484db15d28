/// Measurements that docs/performance.md reports: `dotnet run --project bench -c Release -- NAME [REPEATS]`.
module MedSegDsl.Bench.Program

[<EntryPoint>]
let main args =
    let repeats = if args.Length > 1 then int args[1] else 5

    match Array.tryHead args with
    | Some "preprocessing" ->
        Preprocessing.run repeats
        0
    | Some "storage" ->
        Storage.run repeats
        0
    | _ ->
        eprintfn "usage: medseg-bench NAME [REPEATS], with NAME one of: preprocessing, storage"
        2
