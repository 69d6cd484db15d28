/// Measurements that docs/performance.md reports: `dotnet run --project bench -c Release -- NAME [REPEATS] [FILE]`.
module MedSegDsl.Bench.Program

open MedSegDsl.Kernels

[<EntryPoint>]
let main args =
    let repeats =
        match Array.tryItem 1 args |> Option.map System.Int32.TryParse with
        | Some(true, count) -> count
        | _ -> 5

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
    | Some "large-prediction" ->
        printfn $"{NativeLibtorch.Load()}"
        LargePrediction.run ()
        0
    | Some "kernels" ->
        Kernels.Kernels.run repeats (Array.tryItem 2 args)
        0
    | Some "cuda" ->
        printfn $"{NativeLibtorch.Load()}"
        CudaKernels.run ()
        0
    | Some "epoch" when args.Length = 3 ->
        printfn $"{NativeLibtorch.Load()}"
        Steps.Epochs.run repeats args[2]
        0
    | Some "step" when args.Length = 5 ->
        printfn $"{NativeLibtorch.Load()}"
        Steps.Steps.one repeats args[3] args[4]
        0
    | Some "step" ->
        printfn $"{NativeLibtorch.Load()}"
        Steps.Steps.all repeats (Array.tryItem 2 args)
        0
    | Some "precision" ->
        printfn $"{NativeLibtorch.Load()}"
        Steps.LossCurves.run repeats (Array.tryItem 2 args)
        0
    | Some "curves" when args.Length = 3 ->
        Steps.LossCurves.draw args[1] args[2]
        0
    | Some "profile" when args.Length = 3 ->
        printfn $"{NativeLibtorch.Load()}"
        Steps.Steps.profile args[1] args[2]
        0
    | _ ->
        eprintfn
            "usage: medseg-bench NAME [REPEATS] [FILE], with NAME one of: preprocessing, storage, evaluation, large-prediction, kernels (CPU), cuda (the GPU's kernels), step (networks on the GPU), epoch (epochs of a training beside bare steps, on the GPU), precision (loss curves on the GPU; REPEATS: the steps); FILE: the figures as JSON (kernels, step, precision). Or: medseg-bench step REPEATS - NETWORK PRECISION, medseg-bench epoch REPEATS NETWORK, medseg-bench profile NETWORK PRECISION, medseg-bench curves JSON PNG"

        2
