/// Patches read from a stored case, in the page cache: what a training epoch's loader does first.
module MedSegDsl.Bench.Storage

open System
open System.Diagnostics
open System.IO
open System.Threading.Tasks
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Preprocessing
open MedSegDsl.Runtime.Storage
open MedSegDsl.Runtime.Training.Sampling
open MedSegDsl.Tests.Golden

let private shape = [ 160; 320; 320 ]

let private patchesPerSecond (stored: StoredCase) (size: int[]) patches threads =
    let options = ParallelOptions(MaxDegreeOfParallelism = threads)
    let watch = Stopwatch.StartNew()

    Parallel.For(
        0,
        threads,
        options,
        fun thread ->
            let random = Random thread
            let voxels = Array.reduce (*) size
            let image: float32[] = Array.zeroCreate voxels
            let segmentation: int16[] = Array.zeroCreate voxels

            for _ in 1 .. patches / threads do
                let corner =
                    Array.map2 (fun n s -> random.Next(-s / 4, n - s + s / 4)) (Array.ofList shape) size

                stored.ReadPatch(corner, size, image, segmentation)
    )
    |> ignore

    float patches / watch.Elapsed.TotalSeconds

/// Noise over slow changes, mean 0 and spread 1, as a normalised CT scan: white noise alone cannot be compressed.
let private scan () =
    let noise = Formula.unitSingle "bench/storage" (Formula.count shape)
    let plane = shape[1] * shape[2]

    noise
    |> Array.mapi (fun i v ->
        let z, y, x = i / plane, i / shape[2] % shape[1], i % shape[2]
        let slow = sin (float z / 20.0) + sin (float y / 37.0) + sin (float x / 29.0)
        // Voxels of a scan are whole Hounsfield units before they are normalised.
        (MathF.Round(400f * (float32 slow + 0.1f * v)) - 40f) / 390f)

/// Prints the table of docs/performance.md.
let run repeats =
    let folder = Directory.CreateTempSubdirectory "medseg-bench-"

    try
        let image = ImageArray(scan (), 1, Array.ofList shape)

        let labels =
            Formula.blobs "bench/storage/seg" shape 4 [ 8; 8; 8 ] |> Array.map int16

        let properties =
            CaseProperties([| 1.0; 1.0; 1.0 |], Array.ofList shape, [||], Array.ofList shape)

        let case =
            PreprocessedCase(image, ImageArray(labels, 1, Array.ofList shape), properties, [])

        printfn "one channel of 160×320×320, smooth as a resampled scan"
        printfn "| form | MB on disk | written in | patch | patches a second, 1 thread | 2 threads |"
        printfn "| --- | --- | --- | --- | --- | --- |"

        for compress in [ false; true ] do
            let watch = Stopwatch.StartNew()
            VolumeStore.Write(folder.FullName, "case", case, compress)
            let seconds = watch.Elapsed.TotalSeconds
            let megabytes = float (folder.GetFiles() |> Array.sumBy _.Length) / 1e6
            use stored = VolumeStore.Open(folder.FullName, "case")

            for size in [ [| 128; 128; 128 |]; [| 64; 160; 160 |]; [| 116; 204; 204 |] ] do
                let best threads =
                    Seq.max [ for _ in 1..repeats -> patchesPerSecond stored size 40 threads ]

                let form = if compress then "zstd" else "plain"
                let name = String.Join("×", size)
                printfn $"| {form} | {megabytes:F0} | {seconds:F2} s | {name} | {best 1:F0} | {best 2:F0} |"
    finally
        folder.Delete true
