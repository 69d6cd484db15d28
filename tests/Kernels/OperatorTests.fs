/// What all three operators promise beyond their numbers: strided inputs, the same bits every time, no tensor left behind.
module MedSegDsl.Tests.Kernels.OperatorTests

open System.Runtime.InteropServices
open Expecto
open TorchSharp
open MedSegDsl.Kernels
open MedSegDsl.Tests.Kernels.Numbers

/// An operator as a function of a list of single-precision tensors, with inputs for it.
[<NoComparison; NoEquality>]
type Operator = {
    Name: string
    Apply: Tensor list -> Tensor
    Inputs: unit -> Tensor list
}

let private d, h, w = 5, 6, 7
let private length = int64 (d * h * w)
let private channels = 40L

let private random seed low high (shape: int64 list) =
    uniform seed low high (int (List.fold (*) 1L shape)) |> tensor shape |> single

let private scan = {
    Name = "scan"
    Apply =
        fun inputs ->
            SelectiveScan.Apply(
                inputs[0],
                inputs[1],
                inputs[2],
                inputs[3],
                inputs[4],
                inputs[5],
                inputs[6],
                inputs[7],
                ScanPath.FrontBack(d, h, w)
            )
    Inputs =
        fun () -> [
            random 1 -1.0 1.0 [ 2L; 3L; length; channels ]
            random 2 -3.0 1.0 [ 2L; 3L; length; channels ]
            random 3 -3.0 -0.2 [ channels; 16L ]
            random 4 -1.0 1.0 [ 2L; 3L; length; 16L ]
            random 5 -1.0 1.0 [ 2L; 3L; length; 16L ]
            random 6 -1.0 1.0 [ channels ]
            random 7 -2.0 2.0 [ 2L; length; channels ]
            random 8 0.0 0.5 [ channels ]
        ]
}

let private depthwise = {
    Name = "depthwise convolution"
    Apply = fun inputs -> DepthwiseConv3d.Apply(inputs[0], inputs[1], inputs[2], ScanPath.UpDown(d, h, w))
    Inputs =
        fun () -> [
            random 1 -1.0 1.0 [ 2L; int64 d; int64 h; int64 w; channels ]
            random 2 -1.0 1.0 [ channels; 1L; 5L; 5L; 5L ]
            random 3 -1.0 1.0 [ channels ]
        ]
}

let private causal = {
    Name = "causal convolution"
    Apply = fun inputs -> CausalConv1d.Apply(inputs[0], inputs[1], inputs[2], ScanPath.Backward(d, h, w))
    Inputs =
        fun () -> [
            random 1 -1.0 1.0 [ 2L; length; channels ]
            random 2 -1.0 1.0 [ channels; 1L; 4L ]
            random 3 -1.0 1.0 [ channels ]
        ]
}

let private operators = [ scan; depthwise; causal ]

let private scoped f =
    use scope = torch.NewDisposeScope()
    f ()

/// The same numbers as a slice of a tensor with more channels.
let private asSlice (x: Tensor) : Tensor =
    let last = x.shape[x.shape.Length - 1]
    torch.cat([| torch.ones_like x; x |], -1L).narrow(-1L, last, last)

/// The same numbers with the last dimension not contiguous.
let private asTransposed (x: Tensor) : Tensor =
    if x.shape.Length < 2 then
        x
    else
        x.transpose(-1L, -2L).contiguous().transpose(-1L, -2L)

let private strided =
    testList "strided inputs" [
        for operator in operators do
            for name, restride in [ "slices", asSlice; "last dimension strided", asTransposed ] ->
                testCase $"{operator.Name}, {name}" (fun () ->
                    scoped (fun () ->
                        let inputs = operator.Inputs()
                        let expected = values (operator.Apply inputs)
                        let changed = inputs |> List.map restride
                        Expect.exists changed (fun x -> not (x.is_contiguous ())) "strided"
                        Expect.isTrue (values (operator.Apply changed) = expected) "the same result"

                        // The gradients too; the sum's own gradient is an expanded scalar.
                        let gradients inputs =
                            let leaves: Tensor list =
                                inputs |> List.map (fun (x: Tensor) -> x.detach().requires_grad_ true)

                            (operator.Apply leaves).sum().backward()
                            leaves |> List.map (fun x -> values (nonNull x.grad))

                        Expect.isTrue (gradients changed = gradients inputs) "the same gradients"))
    ]

let private deterministic =
    testSequenced (
        testList "the same bits every time" [
            for operator in operators ->
                testCase operator.Name (fun () ->
                    scoped (fun () ->
                        let run threads =
                            torch.set_num_threads threads

                            values (operator.Apply(operator.Inputs())),
                            gradients operator.Apply (operator.Inputs())

                        let threads = torch.get_num_threads ()
                        let first = run 4

                        for again in [ 4; 1 ] do
                            Expect.isTrue (run again = first) $"{again} threads"

                        torch.set_num_threads threads))
        ]
    )

let private tensorsAlive () =
    DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount

/// glibc's account of the memory that malloc has given out, which is where libtorch's CPU tensors live.
module private Malloc =
    [<Struct; StructLayout(LayoutKind.Sequential)>]
    type Info =
        val Arena: unativeint
        val FreeChunks: unativeint
        val FastChunks: unativeint
        val Mapped: unativeint
        val MappedBytes: unativeint
        val MaximumInUse: unativeint
        val FastBytes: unativeint
        val BytesInUse: unativeint
        val FreeBytes: unativeint
        val Releasable: unativeint

    [<DllImport("libc.so.6")>]
    extern Info private mallinfo2()

    /// Bytes in use.
    let inUse () =
        let info = mallinfo2 ()
        int64 (info.BytesInUse + info.MappedBytes)

let private kept =
    testSequenced (
        testList "no tensor is left behind" [
            for operator in operators do
                testCase $"{operator.Name}: results only" (fun () ->
                    scoped (fun () ->
                        let inputs = operator.Inputs() |> List.map (fun x -> x.requires_grad_ true)
                        let before = tensorsAlive ()
                        use result = operator.Apply inputs
                        Expect.equal (tensorsAlive () - before) 1L "with a gradient"
                        use noGrad = torch.no_grad ()
                        use result = operator.Apply inputs
                        Expect.equal (tensorsAlive () - before) 2L "without"))

                testCase $"{operator.Name}: a step leaves nothing" (fun () ->
                    scoped (fun () ->
                        let inputs = operator.Inputs() |> List.map (fun x -> x.requires_grad_ true)

                        let step () =
                            use scope = torch.NewDisposeScope()
                            (operator.Apply(inputs)).sum().backward()

                        step ()
                        let before = tensorsAlive ()

                        for _ in 1..5 do
                            step ()

                        Expect.equal (tensorsAlive ()) before "as many tensors as before"))

                // What libtorch itself holds shows only in the process's memory.
                testCase $"{operator.Name}: memory stays flat" (fun () ->
                    scoped (fun () ->
                        let inputs = operator.Inputs() |> List.map (fun x -> x.requires_grad_ true)
                        let mutable bytes = 0L

                        let step () =
                            use scope = torch.NewDisposeScope()
                            let y = operator.Apply inputs
                            bytes <- y.numel () * 4L
                            y.sum().backward()

                        for _ in 1..5 do
                            step ()

                        let rounds = 20

                        let growth () =
                            let before = Malloc.inUse ()

                            for _ in 1..rounds do
                                step ()

                            Malloc.inUse () - before

                        // Threads' own heaps come and go; a leak grows in every window.
                        let grown = List.min [ for _ in 1..4 -> growth () ]
                        Expect.isLessThan grown (bytes * int64 rounds / 2L) "less than half a result a step"))
        ]
    )

/// Mixed precision: what is stored in bfloat16 goes with parameters in float32.
let private halfPrecision =
    testList "bfloat16 inputs with float32 parameters" [
        for operator in operators ->
            testCase operator.Name (fun () ->
                scoped (fun () ->
                    let inputs = operator.Inputs()

                    let mixed =
                        inputs
                        |> List.map (fun x ->
                            if x.shape.Length > 2 && x.shape[1] <> 1L then
                                x.``to`` torch.bfloat16
                            else
                                x)

                    let result = operator.Apply mixed
                    Expect.equal result.dtype torch.bfloat16 "the input's type"
                    near 0.03 (values (operator.Apply inputs)) (values result) "the same but for rounding"))
    ]

let private refusals =
    testList "wrong shapes are named" [
        testCase "scan" (fun () ->
            scoped (fun () ->
                let inputs = scan.Inputs()

                let wrong =
                    inputs |> List.mapi (fun i x -> if i = 3 then x.narrow (-1L, 0L, 8L) else x)

                Expect.throwsC (fun () -> scan.Apply wrong |> ignore) (fun e ->
                    Expect.stringContains
                        e.Message
                        "b has the shape (2, 3, 210, 8); it must be (2, 3, 210, 16)"
                        "message")))
        testCase "depthwise convolution" (fun () ->
            scoped (fun () ->
                let wrong =
                    depthwise.Inputs()
                    |> List.mapi (fun i x ->
                        if i = 1 then
                            random 1 0.0 1.0 [ channels; 1L; 4L; 4L; 4L ]
                        else
                            x)

                Expect.throwsC (fun () -> depthwise.Apply wrong |> ignore) (fun e ->
                    Expect.stringContains e.Message "weight has the shape (40, 1, 4, 4, 4)" "message")))
        testCase "causal convolution" (fun () ->
            scoped (fun () ->
                let wrong =
                    causal.Inputs()
                    |> List.mapi (fun i x -> if i = 0 then x.narrow (1L, 0L, 9L) else x)

                Expect.throwsC (fun () -> causal.Apply wrong |> ignore) (fun e ->
                    Expect.stringContains
                        e.Message
                        "x has the shape (2, 9, 40); it must be (B, 210, C)"
                        "message")))
    ]

let tests =
    testList "Kernels/Operator" [ strided; deterministic; kept; halfPrecision; refusals ]
