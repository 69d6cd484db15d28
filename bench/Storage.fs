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

/// Prints the table of docs/performance.md.
let run repeats =
    let folder = Directory.CreateTempSubdirectory "medseg-bench-"

    try
        let image =
            ImageArray(Formula.unitSingle "bench/storage" (Formula.count shape), 1, Array.ofList shape)

        let labels =
            Formula.blobs "bench/storage/seg" shape 4 [ 8; 8; 8 ] |> Array.map int16

        let properties =
            CaseProperties([| 1.0; 1.0; 1.0 |], Array.ofList shape, [||], Array.ofList shape)

        let case =
            PreprocessedCase(image, ImageArray(labels, 1, Array.ofList shape), properties, [])

        let watch = Stopwatch.StartNew()
        VolumeStore.Write(folder.FullName, "case", case)
        let megabytes = float (folder.GetFiles() |> Array.sumBy _.Length) / 1e6

        printfn
            $"one channel of 160×320×320: {megabytes:F0} MB on disk, written in {watch.Elapsed.TotalSeconds:F2} s"

        printfn "| patch | patches a second, 1 thread | 2 threads |"
        printfn "| --- | --- | --- |"
        use stored = VolumeStore.Open(folder.FullName, "case")

        for size in [ [| 128; 128; 128 |]; [| 64; 160; 160 |]; [| 116; 204; 204 |] ] do
            let best threads =
                Seq.max [ for _ in 1..repeats -> patchesPerSecond stored size 40 threads ]

            let name = String.Join("×", size)
            printfn $"| {name} | {best 1:F0} | {best 2:F0} |"
    finally
        folder.Delete true
