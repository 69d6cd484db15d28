/// nnFormer as a definition.
module MedSegDsl.Tests.Dsl.NnFormerTests

open Expecto
open MedSegDsl

let private costOf input network =
    match NetworkCost.ofNetwork input network with
    | Ok cost -> cost
    | Error errors -> failtest (DslError.render errors)

let private former change network =
    match network.Architecture with
    | Architecture.NnFormer former -> {
        network with
            Network.Architecture = Architecture.NnFormer(change former)
      }
    | _ -> network

let private inDecoder index change =
    former (fun former -> {
        former with
            Decoder =
                former.Decoder
                |> List.mapi (fun i stage -> if i = index then change stage else stage)
    })

/// Heads that divide any channels, so that channels alone are wrong.
let private oneHead network =
    network
    |> mapMixers (fun mixer ->
        match mixer with
        | Mixer.Swin swin -> Mixer.Swin { swin with Heads = 1 }
        | other -> other)
    |> former (fun former -> {
        former with
            Decoder = [
                for stage in former.Decoder ->
                    {
                        stage with
                            SkipAttentionStage.Attention.Heads = 1
                    }
            ]
    })

let private breakages: (string * (Network -> Network)) list = [
    "architecture.channels", mapChannels (fun _ -> 193) >> oneHead
    "architecture.firstStride.d",
    former (fun former -> {
        former with
            FirstStride = Size3.create 0 2 2
    })
    "architecture.decoder",
    former (fun former -> {
        former with
            Decoder = List.tail former.Decoder
    })
    "architecture.decoder[1].attention.heads",
    inDecoder 1 (fun stage -> {
        stage with
            SkipAttentionStage.Attention.Heads = 5
    })
    "architecture.decoder[2].attention.window.w",
    inDecoder 2 (fun stage -> {
        stage with
            SkipAttentionStage.Attention.Window = Size3.create 4 4 0
    })
    "architecture.decoder[0].depth", inDecoder 0 (fun stage -> { stage with Depth = -1 })
]

/// Numbers in the published layers, counted by hand: a table of biases of (2w − 1)³ rows, the norms, the linear layers,
/// `factor` times C in front of attention.
let private layer factor channels heads window =
    let c = int64 channels

    pown (2L * window - 1L) 3 * heads
    + (factor * c * c + factor * c)
    + (c * c + c)
    + 2L * 2L * c
    + (8L * c * c + 5L * c)

/// The repository's layers for the Synapse trainer's settings (nnFormer_synapse.py, nnFormerTrainerV2_nnformer_synapse.py)
/// at one channel and 14 classes. The paper prints 150.5 M.
let private published =
    let stages = [ 192, 6L, 4L; 384, 12L, 4L; 768, 24L, 8L; 1536, 48L, 4L ]
    let conv inputs outputs = 27L * inputs * outputs + outputs

    let embedding =
        conv 1L 96L
        + conv 96L 96L
        + conv 96L 192L
        + conv 192L 192L
        + 2L * (96L + 96L + 192L + 192L)

    let encoder =
        List.sum [
            for c, heads, window in stages do
                2L * layer 3L c heads window + 2L * int64 c

                if c < 1536 then
                    conv (int64 c) (2L * int64 c) + 2L * int64 c
        ]

    let decoder =
        List.sum [
            for c, heads, window in List.take 3 stages do
                let c' = int64 c
                2L * 2L * c' + 8L * 2L * c' * c' + c'
                layer 2L c heads window + layer 3L c heads window
                32L * c' * 14L + 14L
        ]

    embedding + encoder + decoder

let tests =
    testList "dsl/nnformer" [
        test "it has the parameters of the repository's layers" {
            let cost = NnFormer.nnFormer |> costOf (Size3.create 64 128 128, 1, 14)
            Expect.equal cost.Total.ParameterCount published "counted by hand"
            Expect.equal published 150_054_210L "150.05 M"
        }

        for path, change in breakages do
            test $"{path}: an error that says where" {
                match Network.validate (change NnFormer.nnFormer) with
                | Ok _ -> failtest "valid"
                | Error errors -> Expect.equal [ for error in errors -> error.Path ] [ path ] "one error"
            }

        test "its patches halve three times behind tokens of 2×4×4 voxels" {
            let network = NnFormer.nnFormer

            Expect.stringContains
                (string (Network.patchRule network))
                (string (Size3.create 16 32 32))
                "the rule in one line"

            Expect.equal
                (Network.fitPatch (Size3.create 60 130 128) network)
                (Size3.create 64 160 128)
                "rounded up"
        }

        test "its maps halve from one to the next" {
            let shapes =
                match NnFormer.nnFormer.Architecture with
                | Architecture.NnFormer former -> NnFormerShapes.infer (Size3.create 64 128 96, 1, 5) former
                | other -> failtest $"{other}"

            Expect.equal
                [ for map in shapes.Maps -> map.Size ]
                [ Size3.create 64 128 96; Size3.create 32 64 48; Size3.create 16 32 24 ]
                "full, half, quarter"
        }

        test "branches are left out more often the later the layer" {
            match NnFormer.nnFormer.Architecture with
            | Architecture.NnFormer former ->
                let rates = [
                    for stage in former.Encoder do
                        match stage.Mixer with
                        | Mixer.Swin mixer ->
                            for index in 0 .. stage.Depth - 1 -> DropPath.rate index mixer.DropPath
                        | other -> failtest $"{other}"
                ]

                Expect.floatClose Accuracy.high rates[0] 0.0 "the first"
                Expect.floatClose Accuracy.high (List.last rates) 0.2 "the last"
                Expect.equal (List.sort rates) rates "rising"
            | other -> failtest $"{other}"
        }
    ]
