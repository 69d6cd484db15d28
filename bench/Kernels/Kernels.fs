/// The CPU's operators against the same in tensor operations: a table, and the same figures as JSON.
module MedSegDsl.Bench.Kernels.Kernels

open System
open System.IO
open System.Runtime.InteropServices
open System.Runtime.Intrinsics
open System.Text.Json
open TorchSharp
open MedSegDsl.Kernels
open MedSegDsl.Bench.Kernels.Cases
open MedSegDsl.Bench.Kernels.Timing

/// The machine in one line.
let private machine () =
    let processor =
        if File.Exists "/proc/cpuinfo" then
            File.ReadLines "/proc/cpuinfo"
            |> Seq.tryFind _.StartsWith("model name")
            |> Option.map (fun line -> line.Substring(line.IndexOf ':' + 1).Trim())
        else
            None

    let name =
        processor |> Option.defaultValue (string RuntimeInformation.ProcessArchitecture)

    let bits =
        if Vector512.IsHardwareAccelerated then "512"
        elif Vector256.IsHardwareAccelerated then "256"
        else "128"

    $"{name}, {Environment.ProcessorCount} processors with {bits}-bit vectors, {torch.get_num_threads ()} threads, {RuntimeInformation.FrameworkDescription}"

let private forward (variant: Variant) () =
    use scope = torch.NewDisposeScope()
    use noGrad = torch.no_grad ()
    variant.Compute variant.Inputs |> ignore

let private both (variant: Variant) =
    let leaves = variant.Inputs |> List.map (fun x -> x.detach().requires_grad_ true)

    let gradient =
        use noGrad = torch.no_grad ()
        torch.ones_like (variant.Compute variant.Inputs)

    fun () ->
        use scope = torch.NewDisposeScope()
        let y = variant.Compute leaves

        torch.autograd.grad (ResizeArray [ y ], ResizeArray leaves, ResizeArray [ gradient ])
        |> ignore

/// Milliseconds with as many digits as they are worth.
let private milliseconds (value: float) =
    if value >= 100.0 then $"{value:F0}"
    elif value >= 10.0 then $"{value:F1}"
    else $"{value:F2}"

/// One row of the JSON file.
type Row = {
    Operator: string
    Shape: string
    Pass: string
    Variant: string
    MedianMs: float
    LowerQuartileMs: float
    UpperQuartileMs: float
    ProcessorMs: float
    Runs: int
}

/// Times everything and prints the table of docs/performance.md, row by row.
/// repeats: runs of a kernel; what it is compared with runs at most three times, because it can take seconds.
/// file: where the figures go as JSON, if anywhere.
let run repeats (file: string option) =
    printfn $"{NativeLibtorch.Load()}"
    printfn $"{machine ()}"
    printfn ""

    printfn
        "| operator | shape | pass | variant | median, ms | quartiles, ms | processor time, ms | kernel faster |"

    printfn "| --- | --- | --- | --- | --- | --- | --- | --- |"
    let rows = ResizeArray<Row>()

    for make in all do
        use scope = torch.NewDisposeScope()
        let case = make ()

        for pass, prepare in [ "forward", forward; "forward + backward", both ] do
            let timed =
                case.Kernel :: case.Others
                |> List.mapi (fun i variant ->
                    let warmUps, runs = if i = 0 then 2, repeats else 1, min repeats 3
                    variant, time warmUps runs (prepare variant))

            let kernel = snd timed.Head

            for variant, timing in timed do
                let low, high = timing.Quartiles

                let faster =
                    if variant.Name = case.Kernel.Name then
                        ""
                    else
                        $"{timing.Median / kernel.Median:F1}×"

                printfn
                    $"| {case.Operator} | {case.Shape} | {pass} | {variant.Name} | {milliseconds timing.Median} | {milliseconds low}–{milliseconds high} | {milliseconds timing.Processor} | {faster} |"

                rows.Add {
                    Operator = case.Operator
                    Shape = case.Shape
                    Pass = pass
                    Variant = variant.Name
                    MedianMs = timing.Median
                    LowerQuartileMs = low
                    UpperQuartileMs = high
                    ProcessorMs = timing.Processor
                    Runs = timing.Runs
                }

    file
    |> Option.iter (fun file ->
        let options =
            JsonSerializerOptions(
                WriteIndented = true,
                PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower
            )

        File.WriteAllText(file, JsonSerializer.Serialize({| Machine = machine (); Rows = rows |}, options)))
