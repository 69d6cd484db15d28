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
<<<<<<< HEAD
    | Some "cuda" ->
        printfn $"{NativeLibtorch.Load()}"
        CudaKernels.run ()
        0
    | _ ->
        eprintfn
            "usage: medseg-bench NAME [REPEATS], with NAME one of: preprocessing, cuda (this machine's GPU)"
=======
    | Some "kernels" ->
        Kernels.Kernels.run repeats (Array.tryItem 2 args)
        0
    | _ ->
        eprintfn
            "usage: medseg-bench NAME [REPEATS] [FILE], with NAME one of: kernels (FILE: its figures as JSON), preprocessing"
>>>>>>> e9222b8 (Benchmark of the CPU operators; half-precision inputs of the tensor paths)

        2
