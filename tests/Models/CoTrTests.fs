/// CoTr beyond its golden data: deformable attention and positions against their definitions, several image channels.
module MedSegDsl.Tests.Models.CoTrTests

open System
open Expecto
open MedSegDsl
open MedSegDsl.Models
open MedSegDsl.Tests.Models.SmallNetworks
open TorchSharp

let private mixer axes : DeformableMixer = {
    Heads = 2
    Points = 3
    FeedForwardRatio = 2
    Dropout = 0.0
    Axes = axes
}

/// Attention on volumes of these sizes whose tokens look at places where its own bias says, all with the same share, and
/// whose values come out as they go in.
let private look axes (sizes: Size3 list) (offset: float list) (tokens: Tensor) : Tensor =
    use attention =
        new DeformableAttention(int tokens.shape[2], sizes.Length, mixer axes)

    Initialiser.Fill(attention, 1L)
    use _noGrad = torch.no_grad ()
    let state = attention.state_dict ()
    let identity = torch.eye tokens.shape[2]

    for layer in [ "value_proj"; "output_proj" ] do
        state[$"{layer}.weight"].copy_ identity |> ignore

    let bias = state["sampling_offsets.bias"]

    let steps: Tensor =
        torch.tensor (Array.init (int (bias.numel ())) (fun i -> float32 offset[i % 3]))

    bias.copy_ steps |> ignore
    attention.call (struct (tokens, tokens, LevelGrid(ResizeArray sizes)))

/// The number of a token in a volume.
let private index (size: Size3) d h w = (d * size.H + h) * size.W + w

let private channels = 4

let private tokensOf (size: Size3) =
    random 2 [ 1; int size.Volume; channels ]

/// The vectors of a volume's tokens, row-major.
let private vectors (tokens: Tensor) =
    values tokens |> Array.chunkBySize channels

let private sameAs (expected: float[]) (actual: float[]) name =
    for e, a in Array.zip expected actual do
        Expect.floatClose Accuracy.medium a e name

let private places (size: Size3) = [
    for d in 0 .. size.D - 1 do
        for h in 0 .. size.H - 1 do
            for w in 0 .. size.W - 1 -> d, h, w
]

let private attentionTests =
    testList "deformable attention" [
        test "places along their own axes: a token sees itself, or its neighbour one step along W, H and D" {
            use _scope = torch.NewDisposeScope()
            let size = Size3.create 3 4 5
            let tokens = tokensOf size
            let own = vectors tokens
            let itself = vectors (look SamplingAxes.Aligned [ size ] [ 0.0; 0.0; 0.0 ] tokens)

            let neighbour =
                vectors (look SamplingAxes.Aligned [ size ] [ 1.0; -2.0; 1.0 ] tokens)

            for d, h, w in places size do
                let i = index size d h w
                sameAs own[i] itself[i] $"({d}, {h}, {w}) sees itself"

                let expected =
                    if w + 1 < size.W && h - 2 >= 0 && d + 1 < size.D then
                        own[index size (d + 1) (h - 2) (w + 1)]
                    else
                        Array.zeroCreate channels

                sameAs expected neighbour[i] $"({d}, {h}, {w}) sees its neighbour, or nothing outside"
        }

        test "places as published: token (d, h, w) of a cube sees token (h, w, d)" {
            use _scope = torch.NewDisposeScope()
            let size = Size3.cube 3
            let tokens = tokensOf size
            let own = vectors tokens
            let seen = vectors (look SamplingAxes.AsPublished [ size ] [ 0.0; 0.0; 0.0 ] tokens)

            for d, h, w in places size do
                sameAs own[index size h w d] seen[index size d h w] $"({d}, {h}, {w})"
        }

        test "between two voxels a token sees their mean" {
            use _scope = torch.NewDisposeScope()
            let size = Size3.create 1 1 4
            let tokens = tokensOf size
            let own = vectors tokens
            let seen = vectors (look SamplingAxes.Aligned [ size ] [ 0.5; 0.0; 0.0 ] tokens)

            for w in 0..2 do
                sameAs (Array.map2 (fun a b -> (a + b) / 2.0) own[w] own[w + 1]) seen[w] $"token {w}"
        }

        test "two volumes: a token sees the mean of what lies at its place in each" {
            use _scope = torch.NewDisposeScope()
            let fine, coarse = Size3.create 1 1 2, Size3.create 1 1 1
            let tokens = random 3 [ 1; 3; channels ]
            let own = vectors tokens

            let seen =
                vectors (look SamplingAxes.Aligned [ fine; coarse ] [ 0.0; 0.0; 0.0 ] tokens)

            // A quarter off the coarse voxel's middle, which is the only one: three quarters of it.
            for w in 0..1 do
                let expected = Array.map2 (fun a b -> 0.5 * a + 0.5 * 0.75 * b) own[w] own[2]
                sameAs expected seen[w] $"token {w}"

            let between = Array.map2 (fun a b -> (a + b) / 2.0) own[0] own[1]
            sameAs (Array.map2 (fun a b -> 0.5 * a + 0.5 * b) between own[2]) seen[2] "the coarse token"
        }
    ]

let private positionTests =
    testList "positions" [
        for width in [ 12; 13; 5 ] do
            test $"{width} channels: sines and cosines of the places" {
                use _scope = torch.NewDisposeScope()
                let size = Size3.create 2 3 4

                let encoded =
                    SinePositions.Of(size, width, torch.zeros 1L)
                    |> values
                    |> Array.chunkBySize width

                let third = width / 3

                let number count length place channel =
                    let turn = (float place + 0.5) / (float length + 1e-6) * 2.0 * Math.PI
                    let rate = 10000.0 ** (3.0 * float (channel / 3) / float count)

                    if channel % 2 = 0 then
                        sin (turn / rate)
                    else
                        cos (turn / rate)

                for d, h, w in places size do
                    let expected = [|
                        for c in 0 .. third - 1 -> number third size.D d c
                        for c in 0 .. third - 1 -> number third size.H h c
                        for c in 0 .. width - 2 * third - 1 -> number (width - 2 * third) size.W w c
                    |]

                    for e, a in Array.zip expected encoded[index size d h w] do
                        Expect.isLessThan (abs (e - a)) 1e-5 $"({d}, {h}, {w})"
            }
    ]

let private networkTests =
    testList "network" [
        for inChannels in [ 1; 3 ] do
            test $"{inChannels} image channel(s): four maps, each half the size of the one above" {
                use _scope = torch.NewDisposeScope()
                use _noGrad = torch.no_grad ()
                let size = Size3.create 16 32 48
                use built = NetworkBuilder.Build(slim CoTr.published, inChannels, 5, size)
                let maps = built.call (random 1 [ 2; inChannels; 16; 32; 48 ])

                Expect.equal
                    [ for map in maps -> shape map ]
                    [
                        [ 2; 5; 16; 32; 48 ]
                        [ 2; 5; 16; 16; 24 ]
                        [ 2; 5; 8; 8; 12 ]
                        [ 2; 5; 4; 4; 6 ]
                    ]
                    "shapes"
            }

        test "dropout is for training alone" {
            use _scope = torch.NewDisposeScope()
            use _noGrad = torch.no_grad ()
            use built = build (slim CoTr.published)
            let input = volume 5 patch

            Expect.isGreaterThan
                (difference (built.Predict input) (built.Predict input))
                0.0
                "another map each time"

            built.eval ()
            Expect.equal (difference (built.Predict input) (built.Predict input)) 0.0 "the same map"
        }

        test "a standardised weight has mean 0 and deviation 1 over each output" {
            use _scope = torch.NewDisposeScope()

            let weight =
                (random 6 [ 5; 3; 2; 3; 1 ]).mul(torch.tensor 7.0f).add(torch.tensor 2.0f)

            for row in WeightStandardisation.Of(weight) |> values |> Array.chunkBySize 18 do
                Expect.isLessThan (abs (Array.average row)) 1e-5 "mean"
                let squares = row |> Array.sumBy (fun x -> x * x)
                Expect.floatClose Accuracy.medium (sqrt (squares / 17.0)) 1.0 "deviation"
        }

        test "standardised convolutions see no difference where weights are scaled and shifted" {
            use _scope = torch.NewDisposeScope()
            use _noGrad = torch.no_grad ()
            let one = Size3.cube 1
            use layer = new Convolution(2L, 3L, 3, one, false, standardised = true)
            Initialiser.Fill(layer, 1L)
            let input = volume 7 (Size3.create 3 4 5)
            let before = layer.call input
            let weight = (layer.state_dict ())["weight"]
            weight.copy_ (weight.mul(torch.tensor 3.0f).add(torch.tensor 0.5f)) |> ignore
            Expect.isLessThan (difference before (layer.call input)) 1e-4 "the same"
        }
    ]

let tests = testList "models/cotr" [ attentionTests; positionTests; networkTests ]
