module MedSegDsl.Tests.Kernels.NativeTests

open System
open System.IO
open System.Reflection
open System.Reflection.Emit
open System.Threading.Tasks
open Expecto
open TorchSharp
open MedSegDsl.Kernels

let private inFolder f =
    let folder = Directory.CreateTempSubdirectory "medseg-native-"

    try
        f folder.FullName
    finally
        folder.Delete true

let private write (folder: string) (name: string) (text: string) =
    let file = Path.Combine(folder, name)
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName file)) |> ignore
    File.WriteAllText(file, text)

/// The message of the exception that finding libtorch in a named place throws.
let private messageFor (named: string) =
    try
        let source = LibtorchSource.Find named
        failtest $"found {source}"
    with :? LibtorchNotFoundException as e ->
        e.Message

let private finding =
    testList "finding libtorch" [
        testCase "a name that is no folder" (fun () ->
            let message = messageFor "/nowhere/at/all"

            Expect.stringContains
                message
                "MEDSEG_LIBTORCH names '/nowhere/at/all', which is not a folder"
                "what is wrong"

            Expect.stringContains message "libtorch_cpu.so" "what to do")
        testCase "a folder without libtorch" (fun () ->
            inFolder (fun folder ->
                let message = messageFor folder

                Expect.stringContains
                    message
                    $"names '{folder}', which holds no libtorch_cpu.so"
                    "what is wrong"

                Expect.stringContains message "unset it" "what to do"))
        testCase "the named folder comes before the packages" (fun () ->
            inFolder (fun folder ->
                write folder "libtorch_cpu.so" ""
                let source = LibtorchSource.Find folder
                Expect.equal source.Folder folder "that folder"
                Expect.isFalse source.HasCuda "CPU only"

                Expect.sequenceEqual
                    (source.Libraries |> Seq.map Path.GetFileName)
                    [ "libc10.so"; "libtorch_cpu.so"; "libtorch.so" ]
                    "dependencies first"))
        testCase "PyTorch's folder, with CUDA and its version" (fun () ->
            inFolder (fun folder ->
                write folder "lib/libtorch_cpu.so" ""
                write folder "lib/libtorch_cuda.so" ""
                write folder "version.py" "__version__ = '2.11.0+cu130'\ndebug = False\n"
                let source = LibtorchSource.Find(Path.Combine(folder, "lib"))
                Expect.equal source.Version "2.11.0+cu130" "version"
                Expect.isTrue source.HasCuda "CUDA"

                Expect.sequenceEqual
                    (source.Libraries |> Seq.map Path.GetFileName)
                    [
                        "libc10.so"
                        "libtorch_cpu.so"
                        "libc10_cuda.so"
                        "libtorch_cuda.so"
                        "libtorch.so"
                    ]
                    "dependencies first"

                Expect.equal (LibtorchSource.Find folder).Folder source.Folder "its parent names it too"))
        testCase "an archive's version" (fun () ->
            inFolder (fun folder ->
                write folder "lib/libtorch_cpu.so" ""
                write folder "build-version" "2.10.0+cpu\n"
                Expect.equal (LibtorchSource.Find folder).Version "2.10.0+cpu" "version"))
    ]

let private bridge = lazy TorchSharpBridge.Find()

let private adapting =
    testList "adapting TorchSharp's library" [
        testCase "marks the one version weak and nothing else" (fun () ->
            let original = File.ReadAllBytes bridge.Value
            let before = ElfVersionNeeds original
            let adapted = before.WithWeak TorchSharpBridge.MarkerVersion
            let after = ElfVersionNeeds adapted

            let weak (needs: ElfVersionNeeds) =
                needs.All
                |> Seq.filter _.IsWeak
                |> Seq.map (fun need -> need.Library, need.Version)
                |> List.ofSeq

            Expect.isEmpty (weak before) "none was weak"
            Expect.equal (weak after) [ "libstdc++.so.6", "GLIBCXX_3.4.32" ] "the marker's version is weak"

            Expect.equal
                (after.All |> Seq.map (fun need -> need.Library, need.Version) |> List.ofSeq)
                (before.All |> Seq.map (fun need -> need.Library, need.Version) |> List.ofSeq)
                "the same versions"

            let changed =
                Seq.zip original adapted |> Seq.filter (fun (a, b) -> a <> b) |> List.ofSeq

            Expect.equal changed [ 0uy, 2uy ] "one flag")
        testCase "a copy is written once, and again where it is damaged" (fun () ->
            inFolder (fun cache ->
                let copy = TorchSharpBridge.WeakCopy(bridge.Value, cache)
                let bytes = File.ReadAllBytes copy
                let time = DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc)
                File.SetLastWriteTimeUtc(copy, time)
                Expect.equal (TorchSharpBridge.WeakCopy(bridge.Value, cache)) copy "the same file"
                Expect.equal (File.GetLastWriteTimeUtc copy) time "not written again"
                File.WriteAllBytes(copy, bytes[..1000])
                TorchSharpBridge.WeakCopy(bridge.Value, cache) |> ignore
                Expect.isTrue (File.ReadAllBytes copy = bytes) "repaired"

                Expect.equal
                    (Directory.GetFiles(cache, "*", SearchOption.AllDirectories))
                    [| copy |]
                    "nothing else left"))
        testCase "many at once" (fun () ->
            inFolder (fun cache ->
                let copies = Array.zeroCreate 8

                Parallel.For(0, 8, fun i -> copies[i] <- TorchSharpBridge.WeakCopy(bridge.Value, cache))
                |> ignore

                Expect.equal (Array.distinct copies).Length 1 "one file"

                let adapted =
                    (ElfVersionNeeds(File.ReadAllBytes bridge.Value)).WithWeak
                        TorchSharpBridge.MarkerVersion

                Expect.isTrue (File.ReadAllBytes copies[0] = adapted) "whole"))
        testCase "a file that is no library, or a part of one" (fun () ->
            Expect.throwsT<InvalidDataException>
                (fun () -> ElfVersionNeeds [| 1uy; 2uy |] |> ignore)
                "too short"

            Expect.throwsT<InvalidDataException>
                (fun () -> ElfVersionNeeds(Array.zeroCreate 4096) |> ignore)
                "no ELF"

            let original = File.ReadAllBytes bridge.Value

            Expect.throwsT<InvalidDataException>
                (fun () -> ElfVersionNeeds original[..99_999] |> ignore)
                "ends too soon")
        testCase "libraries of several folders gathered in one" (fun () ->
            inFolder (fun folder ->
                write folder "a/libone.so" "one"
                write folder "b/libtwo.so.2" "two"
                let files = [ Path.Combine(folder, "a/libone.so"); Path.Combine(folder, "b/libtwo.so.2") ]
                let gathered = LibraryCache.Gather(Path.Combine(folder, "all"), files)
                LibraryCache.Gather(gathered, files) |> ignore

                let texts =
                    Directory.GetFiles gathered
                    |> Array.sort
                    |> Array.map (fun file -> Path.GetFileName file, File.ReadAllText file)

                Expect.equal texts [| "libone.so", "one"; "libtwo.so.2", "two" |] "both"))
    ]

let private loading =
    testCase "loading again gives what is loaded" (fun () ->
        let first = NativeLibtorch.Load()
        let again = Array.init 4 (fun _ -> Task.Run(fun () -> NativeLibtorch.Load()))

        again
        |> Array.iter (fun task -> Expect.isTrue (obj.ReferenceEquals(task.Result, first)) "the same")

        Expect.stringStarts first.Description "libtorch" "one line"
        Expect.isFalse (first.Description.Contains '\n') "one line"
        Expect.isTrue (Directory.Exists first.Folder) "its folder"
        use x = torch.ones (2L, 3L)
        use sum = x.sum ()
        Expect.equal (sum.item<float32>()) 6.0f "and it works")

/// The methods that a method's code calls.
let private calls (method: MethodInfo) =
    let il = (nonNull (method.GetMethodBody())).GetILAsByteArray() |> nonNull

    [
        for i in 0 .. il.Length - 5 do
            // A false hit, an operand that reads as a call, resolves to nothing or to something else.
            if il[i] = byte OpCodes.Call.Value then
                try
                    method.Module.ResolveMethod(BitConverter.ToInt32(il, i + 1))
                with :? ArgumentException ->
                    null
    ]

let private keeping =
    testList "what libtorch reads stays alive" [
        for name, arguments in
            [
                "add", [| typeof<torch.Tensor>; typeof<Scalar> |]
                "mul", [| typeof<Scalar> |]
                "matmul", [| typeof<torch.Tensor> |]
            ] do
            testCase $"Tensor.{name} of {arguments.Length} keeps its tensor and its arguments" (fun () ->
                let method = nonNull (typeof<torch.Tensor>.GetMethod(name, arguments))

                let kept =
                    calls method
                    |> List.filter (function
                        | null -> false
                        | called -> called.DeclaringType = typeof<GC> && called.Name = "KeepAlive")

                Expect.isGreaterThan kept.Length arguments.Length "one for each")
    ]

let tests = testList "Kernels/Native" [ finding; adapting; loading; keeping ]
