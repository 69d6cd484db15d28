/// Networks of 2D configurations.
module MedSegDsl.Tests.Runtime.SliceNetworkTests

open System.Collections.Generic
open Expecto
open TorchSharp
open MedSegDsl
open MedSegDsl.Kernels
open MedSegDsl.Models
open MedSegDsl.Runtime.Files
open MedSegDsl.Runtime.Planning
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime
open MedSegDsl.Tests.Runtime.Training

let private configuration () = SmallPlans.plans().Configuration "2d"

let private input () =
    let shape = [ 2; 2; 8; 12 ]

    torch.tensor(Formula.unitSingle "slices/input" (Formula.count shape): float32[]).reshape [|
        for n in shape -> int64 n
    |]

/// The plan's U-Net as PyTorch's 2D layers compute it, from weights of four axes.
let private reference (weights: IReadOnlyDictionary<string, torch.Tensor>) (slices: torch.Tensor) =
    let convolution name stride padding (x: torch.Tensor) =
        torch.nn.functional.conv2d (
            x,
            weights[name + ".weight"].squeeze 2L,
            weights[name + ".bias"],
            [| stride; stride |],
            [| padding; padding |]
        )

    let block name stride x =
        let convolved = convolution (name + ".conv") stride 1L x
        let scale, shift = weights[name + ".norm.weight"], weights[name + ".norm.bias"]

        torch.nn.functional.leaky_relu (
            torch.nn.functional.instance_norm (convolved, weight = scale, bias = shift, eps = 1e-5),
            0.01
        )

    let skip =
        slices
        |> block "encoder.stages.0.0.convs.0" 1L
        |> block "encoder.stages.0.0.convs.1" 1L

    let deep = block "encoder.stages.1.0.convs.0" 2L skip

    let up =
        torch.nn.functional.conv_transpose2d (
            deep,
            weights["decoder.transpconvs.0.weight"].squeeze 2L,
            weights["decoder.transpconvs.0.bias"],
            [| 2L; 2L |]
        )

    torch.cat ([| up; skip |], 1L)
    |> block "decoder.stages.0.convs.0" 1L
    |> convolution "decoder.seg_layers.0" 1L 0L

let tests =
    testList "planning/slices" [
        test "kernels, strides and patch have a 1 in front" {
            let configuration = configuration ()
            Expect.equal configuration.PatchVolume (Size3.create 1 8 8) "patch"

            match (PlannedNetwork.Resolve(NnUNet.plain, configuration)).Architecture with
            | Architecture.UNet { Sizes = Planned.Set sizes } ->
                let kernels = [ for stage in sizes.Encoder -> stage.Kernel ]
                let strides = [ for stage in sizes.Encoder -> stage.Stride ]
                Expect.equal kernels [ Size3.create 1 3 3; Size3.create 1 3 3 ] "kernels"
                Expect.equal strides [ Size3.cube 1; Size3.create 1 2 2 ] "strides"
            | other -> failtest $"{other} has no sizes"
        }

        test "a network of slices computes what 2D layers compute" {
            NativeLibtorch.Load() |> ignore
            use _ = torch.NewDisposeScope()
            use _gradients = torch.no_grad ()
            let definition = PlannedNetwork.Resolve(NnUNet.plain, configuration ())

            use network = NetworkBuilder.Build(definition, 2, 3, Size3.create 1 8 12, 3L)

            network.eval ()
            let slices = input ()
            let expected = reference (network.state_dict ()) slices
            let actual = network.Predict(slices.unsqueeze 2L)
            Expect.equal (List.ofArray actual.shape) [ 2L; 3L; 1L; 8L; 12L ] "shape"
            let difference = (actual.squeeze (2L) - expected).abs().max().item<float32>()
            Expect.isLessThan difference 1e-5f "the same maps"
        }

        test "plans of nnU-Net 2.4 and before describe the same network" {
            let older =
                "\"UNet_class_name\": \"PlainConvUNet\", \"UNet_base_num_features\": 4, \"unet_max_num_features\": 6, "
                + "\"n_conv_per_stage_encoder\": [2, 1], \"n_conv_per_stage_decoder\": [1], "
                + "\"pool_op_kernel_sizes\": [[1, 1], [2, 2]], \"conv_kernel_sizes\": [[3, 3], [3, 3]], "

            let json = (SmallPlans.plans().Configuration "2d").Json.ToJsonString()
            let keys = PythonJson.Parse("{" + older + json.Substring 1, "older").AsObject()
            keys.Remove "architecture" |> ignore

            Expect.equal
                (PlannedNetwork.Resolve(NnUNet.plain, PlansConfiguration("2d", JsonFields(keys, "older"))))
                (PlannedNetwork.Resolve(NnUNet.plain, configuration ()))
                "the same"
        }

        for definition in [ NnUNet.resEncM; UMamba.bot; UMamba.enc ] do
            test $"{definition.Name} takes slices, and learns" {
                NativeLibtorch.Load() |> ignore
                use _ = torch.NewDisposeScope()
                let resolved = PlannedNetwork.Resolve(definition, configuration ())
                use network = NetworkBuilder.Build(resolved, 2, 3, Size3.create 1 8 12, 3L)
                let maps = network.forward ((input ()).unsqueeze 2L)
                Expect.equal (List.ofArray maps[0].shape) [ 2L; 3L; 1L; 8L; 12L ] "shape"
                maps[0].square().sum().backward()

                for struct (name, parameter) in network.named_parameters () do
                    match parameter.grad with
                    | Null -> ()
                    | NonNull gradient ->
                        Expect.isTrue (gradient.isfinite().all().item<bool>()) $"{name}: finite"
            }

        test "a network of its own sizes takes volumes" {
            TemporaryFolder.expectsLine
                [ "2d"; "UlikeMamba_3d takes volumes"; "3d_fullres"; "nnUNet" ]
                (fun () -> PlannedNetwork.Resolve(UlikeMamba.threeD, configuration ()) |> ignore)
        }

        test "experiments in 2d need a U-Net under plans, and a patch of one slice" {
            let paths experiment =
                match Experiment.validate experiment with
                | Ok _ -> []
                | Error errors -> [ for error in errors -> error.Path ]

            let slices = SmallPlans.experiment |> withConfiguration Configuration.TwoD
            Expect.equal (paths slices) [] "nnUNet"
            Expect.equal (paths (slices |> withPatch (Size3.create 1 64 64))) [] "one slice"
            Expect.equal (paths (slices |> withPatch (Size3.create 8 64 64))) [ "patch.d" ] "eight"

            Expect.equal
                (paths (slices |> withNetwork UlikeMamba.threeD))
                [ "configuration" ]
                "a network of volumes"
        }
    ]
