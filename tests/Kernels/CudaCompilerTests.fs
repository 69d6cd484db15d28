module MedSegDsl.Tests.Kernels.CudaCompilerTests

open System.IO
open Expecto
open TorchSharp
open MedSegDsl.Kernels
open MedSegDsl.Kernels.Cuda
open MedSegDsl.Tests.Kernels.CudaTensors

let private bytes = [| for i in 0..99 -> byte i |]

let private withFile run =
    let folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName())
    let file = Path.Combine(folder, "kernel.cubin")

    try
        run file
    finally
        if Directory.Exists folder then
            Directory.Delete(folder, true)

let tests =
    testList "cuda/compiler" [
        testCase "every source is embedded, with its headers" (fun () ->
            for name in
                [
                    "scan_forward.cu"
                    "scan_carry.cu"
                    "scan_adjoint.cu"
                    "scan_gradients.cu"
                    "depthwise_tiled.cu"
                    "depthwise_plain.cu"
                    "depthwise_weights.cu"
                    "causal.cu"
                    "mixing.cu"
                    "joined.cu"
                    "rms_norm.cu"
                ] do
                let source = KernelSource.Find name
                let headers = [ for struct (header, _) in source.Headers -> header ]

                for line in source.Text.Split '\n' do
                    if line.StartsWith "#include" then
                        Expect.contains headers (line.Split '"').[1] $"{name} finds what it includes")
        testCase "a cache file is read back" (fun () ->
            withFile (fun file ->
                CubinCache.Write(file, bytes)
                Expect.equal (CubinCache.Read file) bytes "the content"))
        testCase "a damaged cache file counts as missing" (fun () ->
            withFile (fun file ->
                CubinCache.Write(file, bytes)
                let damaged = File.ReadAllBytes file
                damaged[60] <- damaged[60] ^^^ 1uy
                File.WriteAllBytes(file, damaged)
                Expect.isNull (CubinCache.Read file) "one changed bit"
                File.WriteAllBytes(file, damaged[..20])
                Expect.isNull (CubinCache.Read file) "a short file"))
        testCase "a cache file's name depends on every text" (fun () ->
            let name (texts: string list) = CubinCache.FileFor texts
            Expect.notEqual (name [ "a"; "b" ]) (name [ "ab"; "" ]) "where texts are divided"
            Expect.notEqual (name [ "a"; "-DN=16" ]) (name [ "a"; "-DN=8" ]) "an option"
            Expect.equal (name [ "a"; "b" ]) (name [ "a"; "b" ]) "nothing else")
        // Alone: other tests put entries of their own into the folder.
        testSequenced (
            gpuTest "a damaged cache entry is compiled anew" (fun () ->
                use scope = torch.NewDisposeScope()
                let device = CudaDevice.Of(torch.zeros ([| 1L |], device = gpu.Value))
                let folder = Path.Combine(LibraryCache.Folder(), "cubins")

                let files () =
                    if Directory.Exists folder then
                        set (Directory.GetFiles folder)
                    else
                        Set.empty

                let before = files ()
                // A constant that no other test or program has: an entry of its own.
                let load () =
                    device.Load("mixing.cu", $"-DTYPE=0 -DPROBE={System.Environment.ProcessId}")

                Expect.notEqual (load ()) 0n "compiled"
                let file = files () - before |> Set.toList |> List.exactlyOne

                try
                    let content = CubinCache.Read file
                    CubinCache.Write(file, bytes)
                    Expect.notEqual (load ()) 0n "whole, but not a kernel"
                    Expect.equal (CubinCache.Read file) content "the entry is there again"
                    File.WriteAllBytes(file, (File.ReadAllBytes file)[..1000])
                    Expect.notEqual (load ()) 0n "cut off"
                    Expect.equal (CubinCache.Read file) content "the entry is there again"
                finally
                    File.Delete file)
        )
        gpuTest "an error shows the compiler's log with the line" (fun () ->
            let source =
                KernelSource("broken.cu", "extern \"C\" __global__ void f()\n{\n    missing();\n}\n", [||])

            let log =
                try
                    Nvrtc.Instance.Compile(source, [| "--gpu-architecture=sm_80" |]) |> ignore
                    ""
                with :? KernelCompilationException as e ->
                    e.Message

            Expect.stringContains log "broken.cu(3)" "file and line"
            Expect.stringContains log "missing" "what is wrong")
    ]
