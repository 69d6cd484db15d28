/// Times and memory of whole networks on the GPU.
module MedSegDsl.Bench.Steps.Steps

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open TorchSharp
open MedSegDsl.Kernels
open MedSegDsl.Kernels.Cuda
open MedSegDsl.Bench.Steps.Networks

/// One network in one precision. Times in milliseconds, medians with their spread from the fastest to the slowest; memory in
/// GiB beyond what the process has before it builds the network.
type Row = {
    Network: string
    Precision: string
    Step: float
    StepSpread: float
    Forward: float
    Backward: float
    Optimizer: float
    StepMemory: float
    Inference: float
    InferenceSpread: float
    InferenceMemory: float
}

// As many as the runtime needs to compile what it calls most a second time, with what it has learnt.
let private warmUps = 12

let private median (values: float[]) = (Array.sort values)[values.Length / 2]

let private spread (values: float[]) = Array.max values - Array.min values

/// The milliseconds of each of several calls, after calls that are not counted.
let private time repeats (call: unit -> unit) =
    for _ in 1..warmUps do
        call ()

    Array.init repeats (fun _ ->
        torch.cuda.synchronize ()
        let watch = Stopwatch.StartNew()
        call ()
        torch.cuda.synchronize ()
        watch.Elapsed.TotalMilliseconds)

/// The milliseconds of forward pass, loss with backward pass, and optimizer, each waited for.
let private parts repeats (trained: Trained) =
    let step () =
        let watch = Stopwatch.StartNew()
        let times = ResizeArray<float>()

        let mark () =
            torch.cuda.synchronize ()
            times.Add watch.Elapsed.TotalMilliseconds

        trained.Step mark
        mark ()
        times[0], times[1] - times[0], times[2] - times[1]

    Array.init repeats (fun _ -> step ()) |> Array.unzip3

let private usedBytes () =
    let struct (free, total) = CudaDriver.Memory()
    float (total - free)

/// The row of a network and precision, in a process of its own: libtorch keeps all memory that it ever had.
let private measure repeats name precision =
    let gpu = torch.device "cuda:0"
    use scope = torch.NewDisposeScope()
    torch.zeros([| 1L |], device = gpu).cpu() |> ignore
    let before = usedBytes ()

    let gibibytes () =
        (usedBytes () - before) / float (1L <<< 30)

    use trained =
        new Trained(name, snd (precisions |> List.find (fst >> (=) precision)))

    trained.Training false
    let inference = time repeats trained.Infer
    let inferenceMemory = gibibytes ()
    trained.Training true
    let step = time repeats (fun () -> trained.Step ignore)
    let stepMemory = gibibytes ()
    let forward, backward, optimizer = parts repeats trained

    {
        Network = name
        Precision = precision
        Step = median step
        StepSpread = spread step
        Forward = median forward
        Backward = median backward
        Optimizer = median optimizer
        StepMemory = stepMemory
        Inference = median inference
        InferenceSpread = spread inference
        InferenceMemory = inferenceMemory
    }

/// Measures in a process of its own, whose allocator does not break its memory up.
let private measureApart (repeats: int) name precision =
    let start =
        ProcessStartInfo(Environment.ProcessPath |> string, RedirectStandardOutput = true)

    for argument in
        [
            Environment.GetCommandLineArgs()[0]
            "step"
            string repeats
            "-"
            name
            precision
        ] do
        start.ArgumentList.Add argument

    start.Environment["PYTORCH_CUDA_ALLOC_CONF"] <- "expandable_segments:True"
    use child = Process.Start start |> nonNull
    let output = child.StandardOutput.ReadToEnd().Trim().Split '\n' |> Array.last
    child.WaitForExit()

    if child.ExitCode = 0 then
        Some(JsonSerializer.Deserialize<Row> output |> nonNull)
    else
        None

let private print (row: Row) =
    printfn
        $"| {row.Network} | {row.Precision} | {row.Step:F1} | {row.StepSpread:F1} | {row.Forward:F1} | {row.Backward:F1} | {row.Optimizer:F1} | {row.StepMemory:F1} | {row.Inference:F1} | {row.InferenceSpread:F1} | {row.InferenceMemory:F1} |"

/// Measures one network in one precision and prints the row as JSON.
let one repeats name precision =
    printfn "%s" (JsonSerializer.Serialize(measure repeats name precision))

/// Measures networks in all precisions and prints the table of docs/performance.md.
/// file: where the rows go as JSON, if anywhere.
let all repeats (file: string option) =
    printfn
        "| network | precision | step, ms | spread | forward | loss + backward | optimizer | GiB | inference, ms | spread | GiB |"

    printfn "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"

    let rows = [
        for name in names do
            for precision, _ in precisions do
                match measureApart repeats name precision with
                | Some row ->
                    print row
                    row
                | None -> printfn $"| {name} | {precision} | failed |"
    ]

    file
    |> Option.iter (fun file ->
        File.WriteAllText(file, JsonSerializer.Serialize(rows, JsonSerializerOptions(WriteIndented = true))))

/// Marks one warm training step for NVIDIA's profilers: `ncu --profile-from-start off … medseg-bench profile NETWORK PRECISION`.
let profile name precision =
    use trained =
        new Trained(name, snd (precisions |> List.find (fst >> (=) precision)))

    trained.Training true

    for _ in 1..warmUps do
        trained.Step ignore

    torch.cuda.synchronize ()
    CudaDriver.StartProfiler()
    trained.Step ignore
    torch.cuda.synchronize ()
    CudaDriver.StopProfiler()
