module MedSegDsl.Tests.Kernels.CudaInstanceNormTests

open Expecto
open TorchSharp
open MedSegDsl.Kernels
open MedSegDsl.Tests.Kernels.Numbers
open MedSegDsl.Tests.Kernels.CudaTensors

let private epsilon = 1e-5

/// How a volume (B, C, D, H, W) lies in memory.
type private Layout =
    | ChannelsFirst
    | ChannelsLast
    /// Some channels of a wider volume.
    | Slice

let private volume layout dtype (shape: int64 list) : Tensor =
    match layout, shape with
    | ChannelsFirst, _ -> normal dtype shape
    | ChannelsLast, [ b; c; d; h; w ] -> (normal dtype [ b; d; h; w; c ]).permute(0L, 4L, 1L, 2L, 3L)
    | _, [ b; c; d; h; w ] ->
        (normal dtype [ b; d; h; w; 2L * c ]).narrow(-1L, c, c).permute(0L, 4L, 1L, 2L, 3L)
    | _ -> failwith "five axes"

let private operator slope (x: Inputs) =
    InstanceNormalization.Apply(nonNull x[0], x[1], x[2], epsilon, slope, x[3])

let private definition (slope: float) (x: Inputs) =
    let volume = nonNull x[0]
    let mean = volume.mean ([| 2L; 3L; 4L |], keepdim = true)
    let away = volume - mean

    let unit =
        away / (away.square().mean([| 2L; 3L; 4L |], keepdim = true) + epsilon).sqrt()

    let perChannel (parameter: Tensor) = parameter.view (1L, -1L, 1L, 1L, 1L)

    let scaled =
        match x[1] with
        | null -> unit
        | weight -> unit * perChannel weight

    let shifted =
        match x[2] with
        | null -> scaled
        | bias -> scaled + perChannel bias

    let sum =
        match x[3] with
        | null -> shifted
        | added -> shifted + added

    torch.where (sum.gt (torch.zeros_like sum), sum, sum * slope)

let private optional isThere (make: unit -> Tensor) : Tensor | null = if isThere then make () else null

let private check layout dtype affine added slope (shape: int64 list) =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 29L |> ignore
    let channels = shape[1]

    let inputs: Inputs = [|
        // Far from zero, where a sum of squares would lose the variance.
        volume layout dtype shape + (if dtype = torch.float32 then 30.0 else 0.0)
        (optional affine (fun () -> normal torch.float32 [ channels ]))
        (optional affine (fun () -> normal torch.float32 [ channels ]))
        (optional added (fun () -> volume layout dtype shape))
    |]

    compare dtype (operator slope) (definition slope) inputs shape

let tests =
    testList "cuda/instance norm" [
        for shape in
            [
                [ 1L; 1L; 2L; 3L; 4L ]
                [ 2L; 5L; 3L; 4L; 5L ]
                [ 2L; 32L; 7L; 8L; 9L ]
                [ 1L; 320L; 2L; 5L; 5L ]
                [ 3L; 48L; 1L; 16L; 17L ]
                [ 2L; 16L; 40L; 48L; 48L ]
            ] do
            gpuTest $"%A{shape}" (fun () -> check ChannelsLast torch.float32 true false 0.01 shape)
        let shape = [ 2L; 24L; 6L; 7L; 8L ]

        for layout in [ ChannelsFirst; ChannelsLast; Slice ] do
            for dtype in [ torch.float32; torch.bfloat16; torch.float16 ] do
                gpuTest $"%A{layout}, {dtype}" (fun () -> check layout dtype true false 0.01 shape)
                gpuTest $"%A{layout}, {dtype}, added" (fun () -> check layout dtype true true 0.01 shape)

        gpuTest "without scale and shift, ReLU" (fun () ->
            check ChannelsLast torch.float32 false false 0.0 shape)

        gpuTest "without activation, added" (fun () -> check ChannelsLast torch.float32 true true 1.0 shape)

        gpuTest "a bias that was left out gets no gradient" (fun () ->
            use scope = torch.NewDisposeScope()
            let x = volume ChannelsLast torch.float32 shape
            let bias = (normal torch.float32 [ 24L ]).requires_grad_ true
            InstanceNormalization.Apply(x, null, null, epsilon, 1.0, null, bias).square().sum().backward()
            Expect.equal ((nonNull bias.grad).abs().max().item<float32>()) 0.0f "zero")
    ]
