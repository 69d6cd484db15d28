/// Measurements that docs/performance.md reports: `dotnet run --project bench -c Release -- NAME [REPEATS] [FILE]`.
module MedSegDsl.Bench.Program

open MedSegDsl.Kernels

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
    | Some "evaluation" ->
        Evaluation.run repeats
        0
    | Some "kernels" ->
        Kernels.Kernels.run repeats (Array.tryItem 2 args)
        0
    | Some "cuda" ->
        printfn $"{NativeLibtorch.Load()}"
        CudaKernels.run ()
        0
    | _ ->
        eprintfn
            "usage: medseg-bench NAME [REPEATS] [FILE], with NAME one of: preprocessing, storage, evaluation, kernels (CPU; FILE: its figures as JSON), cuda (this machine's GPU)"

        2
