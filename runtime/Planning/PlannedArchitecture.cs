using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Planning;

/// <summary>The network that a configuration of the plans asks for.</summary>
/// <param name="NetworkClassName">The Python class:
/// <c>dynamic_network_architectures.architectures.unet.PlainConvUNet</c>.</param>
/// <param name="FeaturesPerStage">Channels of each stage.</param>
/// <param name="KernelSizes">Kernel of each stage, along the configuration's axes.</param>
/// <param name="Strides">Stride of each stage's first convolution; the first stage's is all 1.</param>
/// <param name="BlocksPerStage">Convolutions (plain) or residual blocks (ResEnc) of each encoder
/// stage.</param>
/// <param name="ConvolutionsPerDecoderStage">Convolutions of each decoder stage, the deepest first.</param>
/// <param name="Arguments">All keyword arguments as they stand in the plans.</param>
public sealed record PlannedArchitecture(
    string NetworkClassName,
    int[] FeaturesPerStage,
    int[][] KernelSizes,
    int[][] Strides,
    int[] BlocksPerStage,
    int[] ConvolutionsPerDecoderStage,
    JsonObject Arguments)
{
    /// <summary>The plain network of the default planner.</summary>
    public const string PlainConvUNet = "dynamic_network_architectures.architectures.unet.PlainConvUNet";

    /// <summary>The network of the ResEnc planners.</summary>
    public const string ResidualEncoderUNet = "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet";

    /// <summary>True for residual blocks in the encoder.</summary>
    public bool IsResidualEncoder => NetworkClassName.EndsWith(".ResidualEncoderUNet", StringComparison.Ordinal);

    /// <summary>Number of encoder stages, the bottleneck included.</summary>
    public int Stages => Strides.Length;

    /// <summary>Reads the network of a configuration; plans from before nnU-Net 2.4 describe it by keys such
    /// as conv_kernel_sizes.</summary>
    public static PlannedArchitecture From(JsonFields configuration)
    {
        if (!configuration.Has("architecture") && configuration.Has("UNet_class_name"))
            return FromOldKeys(configuration);
        var architecture = configuration.Object("architecture");
        var arguments = architecture.Object("arch_kwargs");
        return new(
            architecture.Text("network_class_name"),
            arguments.Wholes("features_per_stage"),
            arguments.WholeRows("kernel_sizes"),
            arguments.WholeRows("strides"),
            arguments.Wholes(arguments.Has("n_blocks_per_stage") ? "n_blocks_per_stage" : "n_conv_per_stage"),
            arguments.Wholes("n_conv_per_stage_decoder"),
            arguments.Json);
    }

    /// <summary>The entry <c>architecture</c> as nnU-Net writes it.</summary>
    public JsonObject ToJson() => new()
    {
        ["network_class_name"] = NetworkClassName,
        ["arch_kwargs"] = Arguments.DeepClone(),
        ["_kw_requires_import"] = PythonJson.List(["conv_op", "norm_op", "dropout_op", "nonlin"]),
    };

    /// <summary>A network with the keyword arguments of nnU-Net's planners: instance normalization, leaky
    /// ReLU, bias.</summary>
    /// <param name="residual">Residual encoder instead of plain convolutions.</param>
    /// <param name="features">Channels of each stage.</param>
    /// <param name="kernels">Kernel of each stage.</param>
    /// <param name="strides">Stride of each stage.</param>
    /// <param name="blocks">Convolutions or residual blocks of each encoder stage.</param>
    /// <param name="decoder">Convolutions of each decoder stage.</param>
    public static PlannedArchitecture Create(
        bool residual, int[] features, int[][] kernels, int[][] strides, int[] blocks, int[] decoder)
    {
        var dimensions = kernels[0].Length;
        JsonObject arguments = new()
        {
            ["n_stages"] = strides.Length,
            ["features_per_stage"] = PythonJson.List(features),
            ["conv_op"] = $"torch.nn.modules.conv.Conv{dimensions}d",
            ["kernel_sizes"] = Rows(kernels),
            ["strides"] = Rows(strides),
            [residual ? "n_blocks_per_stage" : "n_conv_per_stage"] = PythonJson.List(blocks),
            ["n_conv_per_stage_decoder"] = PythonJson.List(decoder),
            ["conv_bias"] = true,
            ["norm_op"] = $"torch.nn.modules.instancenorm.InstanceNorm{dimensions}d",
            ["norm_op_kwargs"] = new JsonObject { ["eps"] = 1e-5, ["affine"] = true },
            ["dropout_op"] = null,
            ["dropout_op_kwargs"] = null,
            ["nonlin"] = "torch.nn.LeakyReLU",
            ["nonlin_kwargs"] = new JsonObject { ["inplace"] = true },
        };
        return new(residual ? ResidualEncoderUNet : PlainConvUNet, features, kernels, strides, blocks, decoder, arguments);
    }

    private static PlannedArchitecture FromOldKeys(JsonFields configuration)
    {
        var strides = configuration.WholeRows("pool_op_kernel_sizes");
        var baseFeatures = configuration.Whole("UNet_base_num_features");
        var cap = configuration.Whole("unet_max_num_features");
        int[] features = [.. strides.Select((_, stage) => (int)Math.Min(cap, baseFeatures * Math.Pow(2, stage)))];
        return Create(
            configuration.Text("UNet_class_name") == "ResidualEncoderUNet",
            features,
            configuration.WholeRows("conv_kernel_sizes"),
            strides,
            configuration.Wholes("n_conv_per_stage_encoder"),
            configuration.Wholes("n_conv_per_stage_decoder"));
    }

    private static JsonArray Rows(int[][] rows) => new([.. rows.Select(PythonJson.List)]);
}
