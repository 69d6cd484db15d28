/// Weights in PyTorch's files: what torch.save writes is read, what is written loads by torch.load(weights_only=True),
/// and nothing that a pickle says is run.
module MedSegDsl.Tests.Models.TorchFileTests

open System
open System.Collections.Generic
open System.IO
open System.IO.Compression
open System.Text
open System.Text.Json.Nodes
open Expecto
open FsCheck.FSharp
open MedSegDsl
open MedSegDsl.Models
open MedSegDsl.Tests.Models.SmallNetworks
open TorchSharp

/// What make_fixtures.py wrote.
let private fixture protocol =
    Path.Combine(__SOURCE_DIRECTORY__, "Torch", $"checkpoint_protocol{protocol}.pth")

let private record (archive: ZipArchive) (name: string) (bytes: byte[]) =
    let entry = archive.CreateEntry($"weights/{name}", CompressionLevel.NoCompression)
    use stream = entry.Open()
    stream.Write(ReadOnlySpan bytes)

/// A PyTorch file with this pickle and one storage of 16 bytes.
let private torchFile (pickle: byte[]) =
    use stream = new MemoryStream()

    using (new ZipArchive(stream, ZipArchiveMode.Create, true)) (fun archive ->
        record archive "data.pkl" pickle
        record archive "data/0" (Array.zeroCreate 16))

    stream.ToArray()

let private withFile (bytes: byte[]) (run: string -> 'a) =
    let path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.pth")

    try
        File.WriteAllBytes(path, bytes)
        run path
    finally
        File.Delete path

let private refusal bytes =
    withFile bytes (fun path ->
        try
            (WeightsFile.Read path).Dispose()
            ""
        with :? ModelException as error ->
            error.Message)

/// Latin-1 text as bytes, so that instructions read as in pickletools.
let private raw (text: string) = Encoding.Latin1.GetBytes text

let private pickle body =
    Array.concat [ [| 0x80uy; 2uy |]; raw body; raw "." ]

let private text (value: string) =
    "X" + Encoding.Latin1.GetString(BitConverter.GetBytes value.Length) + value

let private global' name = "c" + name + "\n"

let private whole (number: int) = "K" + string (char number)

let private numbers values =
    "(" + String.Join("", List.map whole values) + "t"

let private storage count =
    "("
    + text "storage"
    + global' "torch\nFloatStorage"
    + text "0"
    + text "cpu"
    + whole count
    + "tQ"

/// `{"a": tensor}` over a storage of so many elements.
let private tensorOf count offset shape strides =
    pickle (
        "}"
        + text "a"
        + global' "torch._utils\n_rebuild_tensor_v2"
        + "("
        + storage count
        + whole offset
        + numbers shape
        + numbers strides
        + "\x89"
        + global' "collections\nOrderedDict"
        + ")RtRs"
    )

let private refused = [
    "a function of another module", pickle "cposix\nsystem\n(X\x02\000\000\000lstR", "posix.system", "byte 2 "
    "eval", pickle "cbuiltins\neval\n)R", "builtins.eval", "byte 2 "
    "eval by its name in Python 2", pickle "c__builtin__\neval\n)R", "__builtin__.eval", "byte 2 "
    "a torch function outside the list", pickle "ctorch\nload\n)R", "torch.load", "byte 2 "
    "the instruction INST", pickle "(iposix\nsystem\n", "INST", "byte 3 "
    "the instruction OBJ", pickle "(o", "OBJ", "byte 3 "
    "an extension", pickle "\x82\x01", "EXT1", "byte 2 "
    "no instruction at all", pickle "\xee", "0xee", "byte 2 "
    "a call of a text", pickle (text "f" + ")R"), "REDUCE", "byte 9 "
    "a storage class called", pickle "ctorch\nFloatStorage\n)R", "torch.FloatStorage", "byte 2"
    "state for a list", pickle "]}b", "BUILD", "byte 4 "
    "a memo that is empty", pickle "h\x05", "place 5", "byte 2 "
    "an empty stack", pickle "0", "missing", "byte 2 "
    "a text longer than the pickle", pickle "X\xff\xff\xff\x7fab", "cut short", "byte 2 "
    "an old protocol", [| 0x80uy; 1uy; byte '.' |], "protocol 1", "byte 0 "
    "no dictionary", pickle "]", "no dictionary", ""
    "no tensors", pickle ("}" + text "epoch" + "K\x01s"), "epoch", ""
    "a tensor beyond its storage", tensorOf 4 1 [ 4 ] [ 1 ], "(4)", ""
    "strides beyond the storage", tensorOf 4 0 [ 2; 2 ] [ 3; 1 ], "(2, 2)", ""
    "a storage larger than its record", tensorOf 5 0 [ 5 ] [ 1 ], "16 bytes instead of 20", ""
]

let private readTests =
    testList "reading" [
        for protocol in [ 2; 4 ] do
            test $"an nnU-Net checkpoint of protocol {protocol} is read as torch.save meant it" {
                use file = WeightsFile.Read(fixture protocol)
                let read name = file.Tensors[name]

                let expect name shape' (expected: float list) kind =
                    Expect.equal (shape (read name)) shape' $"{name}: shape"
                    Expect.equal (List.ofArray (values (read name))) expected $"{name}: values"
                    Expect.equal (read name).dtype kind $"{name}: type"

                let single = torch.ScalarType.Float32
                expect "plain" [ 2; 3 ] [ 0; 1; 2; 3; 4; 5 ] single
                expect "transposed" [ 3; 2 ] [ 0; 3; 1; 4; 2; 5 ] single
                expect "offset" [ 2; 2 ] [ 6; 7; 8; 9 ] single
                expect "expanded" [ 2; 3 ] [ 4; 5; 6; 4; 5; 6 ] single
                expect "double" [ 2 ] [ 0.5; -0.25 ] torch.ScalarType.Float64
                expect "half" [ 3; 1 ] [ 0.5; -2; 65504 ] torch.ScalarType.Float16
                expect "brain" [ 2 ] [ 1.5; -3 ] torch.ScalarType.BFloat16
                expect "long" [] [ 1099511627776.0 ] torch.ScalarType.Int64
                expect "int" [ 2 ] [ -7; 7 ] torch.ScalarType.Int32
                expect "byte" [ 2 ] [ 0; 255 ] torch.ScalarType.Byte
                expect "flag" [ 2 ] [ 1; 0 ] torch.ScalarType.Bool
                expect "empty" [ 0; 3 ] [] single
                expect "parameter" [ 1 ] [ 9 ] single
                expect "untyped" [ 1 ] [ 5 ] torch.ScalarType.BFloat16
                Expect.equal file.Tensors.Count 15 "every tensor, without its prefixes"

                Expect.equal
                    [ for pair in file.Aliases -> pair.Key, pair.Value ]
                    [ "alias", "plain" ]
                    "aliases"

                let checkpoint = file.Checkpoint |> Option.ofObj |> Option.get
                Expect.equal checkpoint.Trainer "nnUNetTrainer" "trainer"

                Expect.equal
                    (checkpoint.Configuration, checkpoint.Fold)
                    ("3d_fullres", "2")
                    "configuration and fold"

                Expect.equal checkpoint.Epochs 1000 "epochs"

                Expect.equal
                    (Option.ofObj checkpoint.MirrorAxes |> Option.map List.ofSeq)
                    (Some [ 0; 1; 2 ])
                    "mirroring"

                Expect.equal file.Patch (Nullable(Size3.create 32 64 48)) "the plans' patch"

                Expect.equal
                    (checkpoint.Dataset["labels"] |> string |> _.Contains("organ"))
                    true
                    "dataset.json"
            }

        for name, bytes, what, where in refused do
            test $"{name} is refused" {
                let message = refusal (torchFile bytes)
                Expect.stringContains message what "what"
                Expect.stringContains message where "where"
                Expect.isFalse (message.Contains '\n') "one line"
            }

        test "a tensor within its storage is not refused" {
            let count =
                withFile (torchFile (tensorOf 4 1 [ 3 ] [ 1 ])) (fun path ->
                    use file = WeightsFile.Read path
                    values file.Tensors["a"])

            Expect.equal count [| 0.0; 0.0; 0.0 |] "the record's last three numbers"
        }

        testProperty
            "a pickle cut short anywhere is refused, and so is one with a wrong byte or it stays readable"
        <| fun () ->
            let whole = tensorOf 4 0 [ 2; 2 ] [ 2; 1 ]

            Prop.forAll
                (Arb.fromGen (Gen.zip (Gen.choose (0, whole.Length - 2)) (Gen.choose (0, 255))))
                (fun (place, value) ->
                    let changed = Array.copy whole
                    changed[place] <- byte value
                    refusal (torchFile changed) |> ignore
                    refusal (torchFile whole[..place]) <> "")

        test "other kinds of files are refused by what they are" {
            let zip (name: string) =
                use stream = new MemoryStream()

                using (new ZipArchive(stream, ZipArchiveMode.Create, true)) (fun archive ->
                    archive.CreateEntry name |> ignore)

                stream.ToArray()

            Expect.stringContains (refusal (zip "a.txt")) "data.pkl" "some other archive"
            Expect.stringContains (refusal (pickle "}")) "before PyTorch 1.6" "the old layout"
            Expect.stringContains (refusal [| 1uy; 2uy |]) "neither" "some bytes"
            Expect.stringContains (refusal [||]) "neither" "nothing"
            Expect.stringContains (refusal (raw "PK\x03\x04abc")) "cannot be read" "a damaged archive"
        }
    ]

let private checkpoint =
    NnUNetCheckpoint(
        Trainer = "nnUNetTrainer",
        Configuration = "3d_fullres",
        Fold = "all",
        Epochs = 7,
        MirrorAxes = [| 0; 2 |],
        Plans =
            ((nonNull (
                JsonNode.Parse """{"spacing": [1.0, 0.5], "n": 3, "on": true, "off": null, "é": "x"}"""
            ))
                .AsObject()),
        Dataset = JsonObject()
    )

let private written tensors checkpoint =
    use stream = new MemoryStream()
    WeightsFile.WritePyTorch(stream, tensors, checkpoint)
    stream.ToArray()

let private sample () =
    dict [
        for i, kind in
            List.indexed [
                torch.ScalarType.Float32
                torch.ScalarType.Float64
                torch.ScalarType.Float16
                torch.ScalarType.BFloat16
                torch.ScalarType.Int64
                torch.ScalarType.Byte
            ] do
            $"layer.{kind}", (random i [ 2; 3; i + 1 ]).abs().mul(torch.tensor 50.0f).``to`` kind
        "strided", (random 9 [ 4; 6 ]).transpose(0, 1)
        "scalar", torch.tensor 5.0f
        "empty", torch.zeros (0L, 3L)
    ]
    |> Dictionary

let private writeTests =
    testList "writing" [
        for kind, extra in [ "a state dict", None; "an nnU-Net checkpoint", Some checkpoint ] do
            test $"{kind} is read as it was written" {
                use _scope = torch.NewDisposeScope()
                let tensors = sample ()

                withFile (written tensors (Option.toObj extra)) (fun path ->
                    use file = WeightsFile.Read path
                    Expect.equal (List.ofSeq file.Tensors.Keys) (List.ofSeq tensors.Keys) "names in order"

                    for KeyValue(name, tensor) in tensors do
                        Expect.equal file.Tensors[name].dtype tensor.dtype $"{name}: type"
                        Expect.equal (shape file.Tensors[name]) (shape tensor) $"{name}: shape"
                        Expect.equal (values file.Tensors[name]) (values tensor) $"{name}: values"

                    match extra, Option.ofObj file.Checkpoint with
                    | None, None -> ()
                    | Some wrote, Some read ->
                        Expect.equal (read.Plans.ToJsonString()) (wrote.Plans.ToJsonString()) "plans"

                        Expect.equal
                            (read.Trainer, read.Configuration)
                            (wrote.Trainer, wrote.Configuration)
                            "names"

                        Expect.equal (read.Fold, read.Epochs) (wrote.Fold, wrote.Epochs) "fold and epochs"
                        Expect.sequenceEqual read.MirrorAxes wrote.MirrorAxes "mirroring"
                    | _ -> failtest "one of them is no checkpoint")
            }

        test "the same weights give the same bytes" {
            use _scope = torch.NewDisposeScope()
            let tensors = sample ()
            Expect.equal (written tensors null) (written tensors null) "bytes"
        }

        test "a parameter of two names is stored once" {
            use _scope = torch.NewDisposeScope()
            let tensor = random 1 [ 1000 ]
            let twice = written (dict [ "a", tensor; "b", tensor ] |> Dictionary) null
            Expect.isLessThan twice.Length 5500 "4000 bytes of numbers, and little else"

            withFile twice (fun path ->
                use file = WeightsFile.Read path
                Expect.equal (values file.Tensors["b"]) (values tensor) "the second name"
                Expect.equal file.Aliases["b"] "a" "the same parameter")
        }

        test "records lie uncompressed under one folder, as torch.load expects them" {
            use _scope = torch.NewDisposeScope()
            use stream = new MemoryStream(written (sample ()) null)
            use archive = new ZipArchive(stream)

            Expect.equal
                [ for entry in Seq.truncate 3 archive.Entries -> entry.FullName ]
                [ "archive/data.pkl"; "archive/byteorder"; "archive/data/0" ]
                "names"

            for entry in archive.Entries do
                Expect.equal entry.CompressedLength entry.Length entry.FullName
        }
    ]

let tests = testList "models/torch files" [ readTests; writeTests ]
