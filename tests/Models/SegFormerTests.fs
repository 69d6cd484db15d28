/// SegFormer3D beyond its golden data: volumes that are no cubes, the scale of its attention, dropout.
module MedSegDsl.Tests.Models.SegFormerTests

open System
open Expecto
open MedSegDsl
open MedSegDsl.Models
open MedSegDsl.Tests.Models.SmallNetworks
open TorchSharp

let private mixer heads scale : MixTransformerMixer = {
    Heads = heads
    Reduction = 2
    FeedForwardRatio = 2
    Kernel = 3
    Scale = scale
}

let private volume4 = VolumeShape.create 4 (Size3.create 4 6 5)

/// What a layer of so many heads makes of the same tokens with the same weights.
let private attended heads scale =
    use layer =
        MixerLayers.Build(Mixer.MixTransformer(mixer heads scale), 0, volume4, SegFormer.threeD)

    Initialiser.Fill(layer, 3L)
    use _noGrad = torch.no_grad ()

    // Small random weights make attention uniform: queries and keys of size 1 show the scale.
    for name in [ "query"; "key_value" ] do
        let weight = (layer.state_dict ())[$"attention.{name}.weight"]
        weight.copy_ (weight.mul (torch.tensor 50.0f)) |> ignore

    layer.OnTokens(random 4 [ 2; 4; 6; 5; 4 ])

let tests =
    testList "models/segformer" [
        for size in [ Size3.create 16 24 40; Size3.create 17 30 41 ] do
            test $"a volume of {size} keeps its size" {
                use _scope = torch.NewDisposeScope()
                use _noGrad = torch.no_grad ()
                use built = NetworkBuilder.Build(slim SegFormer.threeD, 2, 3, size)
                built.eval ()
                let map = built.Predict(volume 3 size)
                Expect.equal (shape map) [ 1; 3; size.D; size.H; size.W ] "the map's shape"
                Expect.all (values map) Double.IsFinite "finite"
            }

        test
            "attention divided by the square root of the heads is the usual one where a head has as many channels" {
            use _scope = torch.NewDisposeScope()
            let usual, published = AttentionScale.HeadChannels, AttentionScale.Heads

            Expect.isLessThan
                (difference (attended 2 usual) (attended 2 published))
                1e-5
                "2 heads of 2 channels"

            Expect.isGreaterThan
                (difference (attended 1 usual) (attended 1 published))
                1e-3
                "1 head of 4 channels"
        }

        test "dropout is for training alone" {
            use _scope = torch.NewDisposeScope()
            use _noGrad = torch.no_grad ()

            let dropping =
                slim SegFormer.threeD
                |> withNorm Norm.Instance
                |> mapSegFormer (fun shape -> { shape with SegFormer.Dropout = 0.5 })

            use built = build dropping
            let input = volume 5 patch

            Expect.isGreaterThan
                (difference (built.Predict input) (built.Predict input))
                0.0
                "another map each time"

            built.eval ()
            Expect.equal (difference (built.Predict input) (built.Predict input)) 0.0 "the same map"
        }
    ]
