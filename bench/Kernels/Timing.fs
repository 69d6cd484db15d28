/// Repeated timings of one piece of work.
module MedSegDsl.Bench.Kernels.Timing

open System.Diagnostics

/// Milliseconds of repeated runs: the median and the quartiles of the time that passes, and the median of the processor
/// time, which all threads share and other programs on the machine hardly change.
type Timing = {
    Median: float
    Quartiles: float * float
    Processor: float
    Runs: int
}

/// The value below which a fraction of the sorted values lies, linear between neighbours.
let private quantile (sorted: float[]) fraction =
    let at = fraction * float (sorted.Length - 1)
    let low = int at
    let high = min (low + 1) (sorted.Length - 1)
    sorted[low] + (at - float low) * (sorted[high] - sorted[low])

/// Times a piece of work, after runs that are not counted.
let time warmUps runs work =
    for _ in 1..warmUps do
        work ()

    let samples =
        Array.init runs (fun _ ->
            let processor = Process.GetCurrentProcess().TotalProcessorTime
            let start = Stopwatch.GetTimestamp()
            work ()
            let passed = Stopwatch.GetElapsedTime start
            let processor = Process.GetCurrentProcess().TotalProcessorTime - processor
            passed.TotalMilliseconds, processor.TotalMilliseconds)

    let passed = samples |> Array.map fst |> Array.sort
    let processor = samples |> Array.map snd |> Array.sort

    {
        Median = quantile passed 0.5
        Quartiles = quantile passed 0.25, quantile passed 0.75
        Processor = quantile processor 0.5
        Runs = runs
    }
