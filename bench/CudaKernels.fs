/// Times of the GPU's kernels, at the sizes of UlikeMamba_3dMT's stages (patch 64 × 160 × 160, batch 2).
module MedSegDsl.Bench.CudaKernels

open System.Diagnostics
open TorchSharp
open MedSegDsl.Kernels

type private Tensor = torch.Tensor

/// Milliseconds of one call: the median of rounds of calls that are queued together, and the largest less the smallest.
let private time (call: unit -> unit) =
    let calls, rounds = 10, 9

    let round () =
        torch.cuda.synchronize ()
        let watch = Stopwatch.StartNew()

        for _ in 1..calls do
            call ()

        torch.cuda.synchronize ()
        watch.Elapsed.TotalMilliseconds / float calls

    round () |> ignore
    let times = Array.init rounds (fun _ -> round ()) |> Array.sort
    times[rounds / 2], times[rounds - 1] - times[0]

let private normal (dtype: torch.ScalarType) (shape: int64 list) =
    torch.randn(Array.ofList shape, device = torch.device "cuda").``to`` dtype

/// One row of the table: what was timed, its time, and the bytes that it must at least move.
let private row name (dtype: torch.ScalarType) bytes call =
    use scope = torch.NewDisposeScope()

    let median, spread =
        time (fun () ->
            use scope = torch.NewDisposeScope()
            call ())

    printfn $"| %s{name} | %O{dtype} | %.3f{median} | %.3f{spread} | %.2f{bytes / median / 1e9} |"

// Gradients as a network's layers hand them on: not added to what leaves have already.
let private gradients (y: Tensor) (inputs: Tensor[]) (gradient: Tensor) =
    torch.autograd.grad ([| y |], inputs, [| gradient |]) |> ignore

let private leaf (x: Tensor) = x.requires_grad_ true

let private scans dtype =
    for batch, segments, (d, h, w), channels in
        [
            2L, 3L, (32, 40, 40), 96L
            2L, 1L, (32, 40, 40), 96L
            2L, 3L, (16, 20, 20), 256L
            2L, 3L, (8, 10, 10), 512L
        ] do
        use scope = torch.NewDisposeScope()
        let states = 16L
        let length = int64 (d * h * w)
        let path = ScanPath.Forward(d, h, w)

        let tokens channels =
            normal dtype [ batch; segments; length; channels ]

        let u = leaf (tokens channels)
        let delta = leaf (tokens channels)
        let a = leaf (-(normal torch.float32 [ channels; states ]).exp())
        let b = leaf (tokens states)
        let c = leaf (tokens states)
        let skip = leaf (normal torch.float32 [ channels ])
        let gate = leaf (normal dtype [ batch; length; channels ])
        let bias = leaf (normal torch.float32 [ channels ])
        let gradient = tokens channels

        let scan () =
            SelectiveScan.Apply(u, delta, a, b, c, skip, gate, bias, path)

        let name = $"scan B %d{batch}, D %d{channels}, L %d{segments * length}"

        let bytes =
            float (batch * segments * length)
            * float (3L * channels + 2L * states)
            * float (u.element_size ())

        (use noGrad = torch.no_grad ()
         row $"{name}, forward" dtype bytes (fun () -> scan () |> ignore))

        row $"{name}, forward + backward" dtype (3.0 * bytes) (fun () ->
            gradients (scan ()) [| u; delta; a; b; c; skip; gate; bias |] gradient)

let private convolutions dtype =
    for batch, (d, h, w), channels in [ 2L, (32, 40, 40), 96L; 2L, (16, 20, 20), 256L; 2L, (8, 10, 10), 512L ] do
        for kernel in [ 3L; 5L; 7L ] do
            use scope = torch.NewDisposeScope()
            let shape = [ batch; int64 d; int64 h; int64 w; channels ]
            let path = ScanPath.Forward(d, h, w)
            let x = leaf (normal dtype shape)
            let weight = leaf (normal dtype [ channels; 1L; kernel; kernel; kernel ])
            let bias = leaf (normal torch.float32 [ channels ])
            let gradient = normal dtype shape

            let convolve () =
                DepthwiseConv3d.Apply(x, weight, bias, path)

            let name = $"depthwise %d{kernel}³, D %d{channels}, %d{d}×%d{h}×%d{w}"
            let bytes = 2.0 * float (x.numel ()) * float (x.element_size ())

            (use noGrad = torch.no_grad ()
             row $"{name}, forward" dtype bytes (fun () -> convolve () |> ignore))

            row $"{name}, forward + backward" dtype (3.5 * bytes) (fun () ->
                gradients (convolve ()) [| x; weight; bias |] gradient)

/// Prints the table, in float32 and bfloat16.
let run () =
    printfn "| kernel | type | ms | spread | TB/s at least |"
    printfn "| --- | --- | --- | --- | --- |"

    for dtype in [ torch.float32; torch.bfloat16 ] do
        scans dtype
        convolutions dtype
