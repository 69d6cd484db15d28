/// MedNeXt against its paper's parameter counts and against PyTorch's own layers.
module MedSegDsl.Tests.Models.MedNeXtTests

open Expecto
open MedSegDsl
open MedSegDsl.Models
open MedSegDsl.Tests.Models.SmallNetworks
open TorchSharp
open TorchSharp.Modules

/// The millions of parameters and the GFLOPs that the repository's README prints (MIC-DKFZ/MedNeXt, table of model sizes).
let private published = [
    MedNeXt.small 3, 5.6, 130.0
    MedNeXt.small 5, 5.9, 169.0
    MedNeXt.basic 3, 10.5, 170.0
    MedNeXt.basic 5, 11.0, 208.0
    MedNeXt.medium 3, 17.6, 248.0
    MedNeXt.medium 5, 18.3, 308.0
    MedNeXt.large 3, 61.8, 500.0
    MedNeXt.large 5, 63.0, 564.0
]

let private classes = 14

/// Counted from the paper's block (section 2): depthwise k³ with bias, norm with scale and shift, 1×1×1 to E times the
/// channels and 1×1×1 to those that go out, both with bias; a 1×1×1 around a block that changes the resolution.
let private counted kernel (depths: int list) (expansions: int list) =
    let channels = [ for level in 0..4 -> 32 * (1 <<< level) ]
    let cube = kernel * kernel * kernel

    let block i o e =
        i * (cube + 1) + 2 * i + e * i * (i + 1) + (e * i * o + o)

    let around i o = i * o + o

    let layers level =
        depths[level] * block channels[level] channels[level] expansions[level]

    let resampled i o level =
        block channels[i] channels[o] expansions[level] + around channels[i] channels[o]

    // Stem, both sides' layers, blocks down and up, heads, the number that the code hands to its checkpointing.
    2 * 32
    + List.sum [ for level in 0..4 -> (if level = 4 then 1 else 2) * layers level ]
    + List.sum [ for level in 1..4 -> resampled (level - 1) level level ]
    + List.sum [ for level in 0..3 -> resampled (level + 1) level level ]
    + List.sum [ for c in channels -> c * classes + classes ]
    + 1

let private cost network =
    Expect.wantOk (NetworkCost.ofNetwork (Size3.cube 128, 1, classes) network) "its cost"

let private parameterTests =
    testList "parameters" [
        for network, millions, giga in published do
            test $"{network.Name} has {millions} million parameters and takes {giga} GFLOPs" {
                let total = (network |> withDeepSupervision false |> cost).Total
                let parameters = float total.ParameterCount / 1e6

                // One digit is printed, and S with kernel 5 is rounded down.
                Expect.isLessThan (abs (parameters - millions)) 0.1 $"{parameters} million"
                let flops = float total.MultiplyAdds / 1e9

                // What is printed counts norms and interpolations too, which the tables of networks leave out.
                Expect.isLessThan (abs (flops - giga) / giga) 0.02 $"{flops} G"
            }

        for name, network, depths, expansions in
            [
                "S", MedNeXt.small, [ 2; 2; 2; 2; 2 ], [ 2; 2; 2; 2; 2 ]
                "B", MedNeXt.basic, [ 2; 2; 2; 2; 2 ], [ 2; 3; 4; 4; 4 ]
                "M", MedNeXt.medium, [ 3; 4; 4; 4; 4 ], [ 2; 3; 4; 4; 4 ]
                "L", MedNeXt.large, [ 3; 4; 8; 8; 8 ], [ 3; 4; 8; 8; 8 ]
            ] do
            for kernel in [ 3; 5 ] do
                test $"{name}, kernel {kernel}: the count of the paper's blocks" {
                    Expect.equal
                        (cost (network kernel)).Total.ParameterCount
                        (int64 (counted kernel depths expansions))
                        "parameters"
                }
    ]

let private channels, outputs, kernel, expansion = 4, 6, 3, 2

let private block: MedNeXtBlock = {
    Kernel = kernel
    Expansion = expansion
}

let private load
    (target: torch.nn.Module)
    (name: string)
    (state: System.Collections.Generic.Dictionary<string, Tensor>)
    =
    use _noGrad = torch.no_grad ()

    for entry in target.state_dict () do
        entry.Value.copy_ state[$"{name}.{entry.Key}"] |> ignore

/// The block as the repository writes it, of PyTorch's own layers, around its first convolution.
let private published' (conv1: torch.nn.Module<Tensor, Tensor>) outputs state (input: Tensor) : Tensor =
    let inputs, wide = int64 channels, int64 (expansion * channels)
    let norm = torch.nn.GroupNorm(inputs, inputs)
    let conv2 = torch.nn.Conv3d(inputs, wide, 1L)
    let conv3 = torch.nn.Conv3d(wide, int64 outputs, 1L)

    for name, layer in
        [
            "norm", norm :> torch.nn.Module
            "conv2", conv2
            "conv3", conv3
            "conv1", conv1
        ] do
        load layer name state

    input
    |> conv1.call
    |> norm.call
    |> conv2.call
    |> torch.nn.functional.gelu
    |> conv3.call

let private started (layer: torch.nn.Module) =
    Initialiser.Fill(layer, 4L)
    layer.state_dict ()

let private input = random 8 [ 2; channels; 5; 6; 7 ]

let private onTokens (layer: torch.nn.Module<Tensor, Tensor>) =
    Axes.ToVolume(layer.call (Axes.ToTokens input))

let private depthwise stride =
    torch.nn.Conv3d(
        int64 channels,
        int64 channels,
        int64 kernel,
        stride = stride,
        padding = int64 (kernel / 2),
        groups = int64 channels
    )

let private blockTests =
    testList "blocks" [
        test "the block at one resolution is the published one" {
            use _scope = torch.NewDisposeScope()
            use layer = new MedNeXtLayer(channels, block, MedNeXt.small 3)
            let expected = input + published' (depthwise 1L) channels (started layer) input
            Expect.isLessThan (difference expected (onTokens layer)) 1e-5 "the same"
        }

        test "the block to half the resolution is the published one" {
            use _scope = torch.NewDisposeScope()
            use layer = new MedNeXtDown(channels, outputs, block, MedNeXt.small 3)
            let state = started layer
            let around = torch.nn.Conv3d(int64 channels, int64 outputs, 1L, stride = 2L)
            load around "res_conv" state
            let expected = published' (depthwise 2L) outputs state input + around.call input
            Expect.equal (shape expected) [ 2; outputs; 3; 3; 4 ] "half of it, rounded up"
            Expect.isLessThan (difference expected (onTokens layer)) 1e-5 "the same"
        }

        test "the block to twice the resolution is the published one" {
            use _scope = torch.NewDisposeScope()
            use layer = new MedNeXtUp(channels, outputs, block, MedNeXt.small 3)
            let state = started layer

            let conv1 =
                torch.nn.ConvTranspose3d(
                    int64 channels,
                    int64 channels,
                    int64 kernel,
                    stride = 2L,
                    padding = int64 (kernel / 2),
                    groups = int64 channels
                )

            let around =
                torch.nn.ConvTranspose3d(int64 channels, int64 outputs, 1L, stride = 2L)

            load around "res_conv" state

            let pad (x: Tensor) =
                torch.nn.functional.pad (x, [| 1L; 0L; 1L; 0L; 1L; 0L |])

            let expected = pad (published' conv1 outputs state input) + pad (around.call input)
            Expect.equal (shape expected) [ 2; outputs; 10; 12; 14 ] "twice the size"
            Expect.isLessThan (difference expected (onTokens layer)) 1e-5 "the same"
        }

        test "deep supervision: five maps, each half the size of the one above" {
            use _scope = torch.NewDisposeScope()
            use _noGrad = torch.no_grad ()
            let size = Size3.create 16 32 48
            use built = NetworkBuilder.Build(shallow (MedNeXt.basic 5), 2, 3, size)

            Expect.equal
                [ for map in built.call (volume 9 size) -> shape map ]
                [
                    [ 1; 3; 16; 32; 48 ]
                    [ 1; 3; 8; 16; 24 ]
                    [ 1; 3; 4; 8; 12 ]
                    [ 1; 3; 2; 4; 6 ]
                    [ 1; 3; 1; 2; 3 ]
                ]
                "shapes"
        }
    ]

let tests = testList "models/mednext" [ parameterTests; blockTests ]
