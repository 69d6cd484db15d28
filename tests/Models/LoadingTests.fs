/// Weights from files into networks: prefixes, parts, other shapes and patches.
module MedSegDsl.Tests.Models.LoadingTests

open System
open System.Collections.Generic
open System.IO
open Expecto
open MedSegDsl
open MedSegDsl.Models
open MedSegDsl.Tests.Models.SmallNetworks
open MedSegDsl.Tests.Runtime
open TorchSharp

let private small = slim UlikeMamba.threeD

let private save (folder: string) name tensors =
    let path = Path.Combine(folder, name)
    use stream = File.Create path
    WeightsFile.WritePyTorch(stream, tensors, null)
    path

let private state (network: SegmentationNetwork) =
    network.state_dict ()
    |> Seq.map (fun pair -> pair.Key, pair.Value)
    |> dict
    |> Dictionary

let private weight network name = (state network)[name]

let tests =
    testList "models/loading" [
        test "a network's weights go through a PyTorch file, whatever the prefix" {
            TemporaryFolder.using'
            <| fun folder ->
                use _scope = torch.NewDisposeScope()
                use first = build small
                use second = NetworkBuilder.Build(small, 2, 3, patch, 2L)

                let prefixed =
                    Dictionary(dict [ for KeyValue(name, tensor) in state first -> $"module.{name}", tensor ])

                use file = WeightsFile.Read(save folder "a.pth" prefixed)
                StateDict.Load(second, file)

                for KeyValue(name, tensor) in state first do
                    Expect.equal (values (weight second name)) (values tensor) name
        }

        test "a second name of a known parameter is no mismatch, another one is" {
            TemporaryFolder.using'
            <| fun folder ->
                use _scope = torch.NewDisposeScope()
                use network = build small
                let weights = state network
                weights["decoder.encoder.head"] <- weights["model.cls_conv.weight"]
                use file = WeightsFile.Read(save folder "a.pth" weights)
                StateDict.Load(network, file)
                weights["model.extra"] <- torch.zeros 1L
                use other = WeightsFile.Read(save folder "b.pth" weights)

                let message =
                    try
                        StateDict.Load(network, other)
                        ""
                    with :? ModelException as error ->
                        error.Message

                Expect.stringContains message "1 unexpected (model.extra)" "the one name"
        }

        test "fine-tuning takes all but the heads, for other classes and another patch" {
            TemporaryFolder.using'
            <| fun folder ->
                use _scope = torch.NewDisposeScope()
                use first = build small
                let larger = Size3.create 32 64 64
                use second = NetworkBuilder.Build(small, 2, 5, larger, 2L)
                let heads = SegmentationHeads.Of(small, second)

                Expect.isTrue
                    (heads |> Seq.forall (fun name -> name.Contains "cls_conv")
                     && heads.Count = 2 * 5)
                    "the final head and the four of deep supervision"

                let before = values (weight second "model.cls_conv.bias")
                let weights = state first
                weights["other.part"] <- torch.zeros 1L
                use file = WeightsFile.Read(save folder "a.pth" weights)
                let lines = ResizeArray<string>()
                StateDict.LoadPretrained(second, file, heads, Nullable patch, Action<string> lines.Add)
                Expect.equal (values (weight second "model.cls_conv.bias")) before "the head"

                for KeyValue(name, tensor) in state first do
                    if not (heads.Contains name) && not (second.PositionGrids.ContainsKey name) then
                        Expect.equal (values (weight second name)) (values tensor) name

                for words in [ "interpolated"; "segmentation heads"; "other.part" ] do
                    Expect.exists lines (fun line -> line.Contains words) words

                weights.Remove "model.norm.bias" |> ignore
                use lacking = WeightsFile.Read(save folder "b.pth" weights)

                Expect.throwsC
                    (fun () -> StateDict.LoadPretrained(second, lacking, heads, Nullable patch))
                    (fun error ->
                        Expect.stringContains error.Message "1 missing (model.norm.bias)" "the name")
        }
    ]
