/// Safetensors files and the loading of weights.
module MedSegDsl.Tests.Models.WeightsTests

open System
open System.Buffers.Binary
open System.IO
open System.Text
open Expecto
open FsCheck.FSharp
open MedSegDsl
open MedSegDsl.Models
open MedSegDsl.Tests.Models.SmallNetworks
open TorchSharp

let private dictionary (pairs: (string * 'a) list) =
    dict pairs |> System.Collections.Generic.Dictionary

let private write tensors metadata =
    use stream = new MemoryStream()
    Safetensors.Write(stream, dictionary tensors, dictionary metadata)
    stream.ToArray()

let private read (bytes: byte[]) =
    use stream = new MemoryStream(bytes)
    Safetensors.Read(stream, "weights.safetensors")

let private message run =
    try
        run ()
        ""
    with :? ModelException as error ->
        error.Message

let private refusal bytes =
    message (fun () -> (read bytes).Dispose())

let private types = [
    torch.ScalarType.Float32
    torch.ScalarType.Float64
    torch.ScalarType.Float16
    torch.ScalarType.BFloat16
    torch.ScalarType.Int64
]

let private sample () = [
    for i, kind in List.indexed types ->
        $"{kind}", (random i [ 2; 3; i + 1 ]).mul(torch.tensor 100.0f).``to`` kind
]

/// A file with a header of these words and so many bytes of data.
let private file (header: string) dataLength =
    let json = Encoding.UTF8.GetBytes header
    let length = Array.zeroCreate<byte> 8
    BinaryPrimitives.WriteUInt64LittleEndian(Span length, uint64 json.Length)
    Array.concat [ length; json; Array.zeroCreate dataLength ]

let private entry name kind shape first last =
    $"\"{name}\":{{\"dtype\":\"{kind}\",\"shape\":{shape},\"data_offsets\":[{first},{last}]}}"

let private broken = [
    "no JSON", file "weights" 0, "JSON"
    "JSON that is no object", file "[1]" 0, "object"
    "overlapping data",
    file $"""{{{entry "a" "F32" "[2]" 0 8},{entry "b" "F32" "[2]" 4 12}}}""" 12,
    "begins at byte 4"
    "a hole in the data",
    file $"""{{{entry "a" "F32" "[2]" 0 8},{entry "b" "F32" "[1]" 12 16}}}""" 16,
    "begins at byte 12"
    "a shape of another size", file $"""{{{entry "a" "F32" "[3]" 0 8}}}""" 8, "a has 8 bytes"
    "a shape that overflows",
    file $"""{{{entry "a" "F32" "[4294967296,4294967296]" 0 0}}}""" 0,
    "a has 0 bytes"
    "a negative shape", file $"""{{{entry "a" "F32" "[-2,-1]" 0 8}}}""" 8, "whole numbers"
    "an unknown type", file $"""{{{entry "a" "F8_E4M3" "[8]" 0 8}}}""" 8, "F8_E4M3"
    "a name twice", file $"""{{{entry "a" "F32" "[1]" 0 4},{entry "a" "F32" "[1]" 4 8}}}""" 8, "JSON"
    "more data than the header says", file $"""{{{entry "a" "F32" "[1]" 0 4}}}""" 9, "longer"
    "offsets that run backwards", file $"""{{{entry "a" "F32" "[1]" 4 0}}}""" 4, "a has -4 bytes"
    "a header longer than the file", Array.create 16 255uy, "header"
    "nothing", [||], "weights.safetensors"
]

let private formatTests =
    testList "safetensors" [
        test "what is written is read, whatever the type" {
            use _scope = torch.NewDisposeScope()
            let tensors = sample ()
            use back = read (write tensors [ "patch", "1,2,3"; "note", "é" ])
            Expect.equal (Set back.Tensors.Keys) (Set(List.map fst tensors)) "names"

            for name, tensor in tensors do
                Expect.equal back.Tensors[name].dtype tensor.dtype $"{name}: type"
                Expect.equal (shape back.Tensors[name]) (shape tensor) $"{name}: shape"
                Expect.equal (values back.Tensors[name]) (values tensor) $"{name}: values"

            Expect.equal back.Metadata["note"] "é" "metadata"
        }

        test "strided, empty and scalar tensors are written as they read" {
            use _scope = torch.NewDisposeScope()
            let strided = (random 1 [ 4; 6 ]).transpose(0, 1).slice(0, 1, 6, 2)

            let tensors = [
                "strided", strided
                "empty", torch.zeros (0L, 3L)
                "scalar", torch.tensor 5.0f
            ]

            use back = read (write tensors [])

            for name, tensor in tensors do
                Expect.equal (shape back.Tensors[name]) (shape tensor) $"{name}: shape"
                Expect.equal (values back.Tensors[name]) (values tensor) $"{name}: values"
        }

        test "the layout is the format's" {
            use _scope = torch.NewDisposeScope()
            let bytes = write [ "a", torch.tensor [| 1.0f; 2.0f |] ] []

            let header =
                int (BinaryPrimitives.ReadUInt64LittleEndian(ReadOnlySpan(bytes, 0, 8)))

            Expect.equal (header % 8) 0 "data begins at a multiple of 8"

            Expect.equal
                ((Encoding.UTF8.GetString(bytes, 8, header)).TrimEnd ' ')
                $"""{{{entry "a" "F32" "[2]" 0 8}}}"""
                "the header"

            Expect.equal bytes[8 + header ..] [| 0uy; 0uy; 128uy; 63uy; 0uy; 0uy; 0uy; 64uy |] "the data"
        }

        test "the order of a dictionary makes no difference" {
            use _scope = torch.NewDisposeScope()
            let tensors = sample ()
            Expect.equal (write (List.rev tensors) []) (write tensors []) "the same bytes"
        }

        testProperty "a file cut short anywhere is refused by name"
        <| fun () ->
            let whole =
                use _scope = torch.NewDisposeScope()
                write (sample ()) [ "patch", "1,2,3" ]

            Prop.forAll (Arb.fromGen (Gen.choose (0, whole.Length - 1))) (fun length ->
                (refusal whole[.. length - 1]).StartsWith "weights.safetensors: ")

        for name, bytes, words in broken do
            test $"{name} is refused" {
                let message = refusal bytes
                Expect.stringContains message words "what is wrong"
                Expect.isFalse (message.Contains '\n') "one line"
            }

        test "a missing file is refused by name" {
            let message =
                message (fun () -> (Safetensors.Read "/nowhere/a.safetensors").Dispose())

            Expect.stringContains message "/nowhere/a.safetensors" "the file"
        }
    ]

let private small = slim UlikeMamba.threeD

let private loadTests =
    testList "loading" [
        test "a network's weights come back" {
            use _scope = torch.NewDisposeScope()
            use first = build (small |> withNorm Norm.Batch)
            use second = NetworkBuilder.Build(small |> withNorm Norm.Batch, 2, 3, patch, 2L)
            use stream = new MemoryStream()
            StateDict.Save(first, stream)
            stream.Position <- 0L
            use file = Safetensors.Read(stream, "weights")
            StateDict.Load(second, file)
            let state, loaded = first.state_dict (), second.state_dict ()

            for name in state.Keys do
                Expect.equal (values loaded[name]) (values state[name]) name
        }

        test "weights of another patch are interpolated, since the file names its patch" {
            use _scope = torch.NewDisposeScope()
            use first = build small
            use second = NetworkBuilder.Build(small, 2, 3, Size3.create 32 64 64, 2L)
            use stream = new MemoryStream()
            StateDict.Save(first, stream)
            stream.Position <- 0L
            use file = Safetensors.Read(stream, "weights")
            let lines = ResizeArray<string>()
            StateDict.Load(second, file, Action<string> lines.Add)
            Expect.equal lines.Count 1 "one line"
            Expect.stringContains lines[0] "24×44×48" "the patch of the weights"
            Expect.stringContains lines[0] "32×64×64" "the network's"
        }

        test "everything that does not fit is named, and nothing is loaded" {
            use _scope = torch.NewDisposeScope()
            use network = build small
            let before = values (network.state_dict()["model.cls_conv.weight"])
            let weights = network.state_dict ()
            let weights = dictionary [ for name in weights.Keys -> name, weights[name].clone() ]
            weights["model.cls_conv.weight"].zero_() |> ignore
            weights.Remove "model.norm.bias" |> ignore
            weights.Remove "model.norm.weight" |> ignore
            weights["model.extra"] <- torch.zeros 1L
            weights["model.cls_conv.bias"] <- torch.zeros 7L
            weights["model.DecPosEmbed0"] <- torch.zeros (1L, 5L, 32L)
            let message = message (fun () -> StateDict.Load(network, weights))

            for part in
                [
                    "2 missing (model.norm.bias, model.norm.weight)"
                    "1 unexpected (model.extra)"
                    "model.cls_conv.bias is (7), (3) wanted"
                    "model.DecPosEmbed0 is (1, 5, 32)"
                    "name the patch"
                ] do
                Expect.stringContains message part "what does not fit"

            Expect.equal (values (network.state_dict()["model.cls_conv.weight"])) before "as it was"
        }
    ]

let tests = testList "models/weights" [ formatTests; loadTests ]
