using MedSegDsl.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The mixer of a Mamba layer, (B, D, H, W, C) → (B, D, H, W, C): linear to x and z; for each order of the scan a
/// depthwise convolution of x, SiLU and a selective scan gated by z; the orders fused; scales joined along channels;
/// linear back. Names follow the public code: <c>_b</c>, <c>_c</c>, … mark the second, third, … order, <c>_s0</c>,
/// <c>_s1</c>, … the scales.
/// </summary>
public sealed class ScanMixer : Layer<Tensor, Tensor>
{
    private readonly Linear input;
    private readonly Linear output;
    private readonly IReadOnlyList<ScanBranch> branches;
    private readonly VolumeFusion? fusion;
    private readonly int inner;

    // Whether all orders are of one state-space model and add up, so that one operator can take them together.
    private readonly bool addUp;
    private readonly bool isMean;

    /// <summary>A mixer over so many channels.</summary>
    public ScanMixer(int channels, MambaMixer mixer, ScanStart start) : base(nameof(ScanMixer))
    {
        inner = mixer.Expansion * channels;
        var segments = SegmentsOf(mixer.Convolution);
        input = Add("in_proj", new Linear(channels, 2 * inner, bias: false, start.Linear(channels)));

        var built = new List<ScanBranch>();
        foreach (var (order, index) in mixer.Scan.Select((order, index) => (order, index)))
        {
            var suffix = index == 0 ? "" : $"_{(char)('a' + index)}";
            var convolutions = AddConvolutions(mixer.Convolution, suffix);
            var own = index == 0 || !mixer.Ssm.IsShared
                ? AddStateSpace(channels, mixer.StateSize, suffix, start)
                : null;
            var used = index == 0 || mixer.Ssm.IsSeparate ? own! : built[0].Space;
            built.Add(new ScanBranch(order, convolutions, used));
        }

        branches = built;
        addUp = !mixer.ScanFusion.IsConcatenation && built.All(branch => branch.IsPlain && branch.Space == built[0].Space);
        isMean = mixer.ScanFusion.IsMean;
        fusion = branches.Count > 1 || mixer.ScanFusion.IsConcatenation
            ? AddFusion("scan_fusion", mixer.ScanFusion, branches.Count, segments * inner)
            : null;
        output = Add("out_proj", new Linear(segments * inner, channels, bias: false, start.Linear(segments * inner)));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var projected = input.call(tokens);
        return output.call(Together(projected) ?? OneByOne(projected)).view(tokens.shape).MoveToOuterDisposeScope();
    }

    /// <summary>All orders in one operator, where there is one for them; else null.</summary>
    private Tensor? Together(Tensor projected)
    {
        if (!addUp || projected.device_type != DeviceType.CUDA)
        {
            return null;
        }

        var size = Axes.SizeOf(Axes.ToVolume(projected));
        var space = branches[0].Space.Parameters();
        IReadOnlyList<MixerOrder> orders = [.. branches.Select(branch => branch.OrderFor(size))];
        return MixerScan.Takes(projected, orders, space)
            ? MixerScan.Apply(projected, orders, space, isMean ? 1.0 / orders.Count : 1)
            : null;
    }

    /// <summary>Each order with operators of its own.</summary>
    private Tensor OneByOne(Tensor projected)
    {
        var size = Axes.SizeOf(Axes.ToVolume(projected));
        var x = projected.narrow(-1, 0, inner);
        var gate = projected.narrow(-1, inner, inner).flatten(1, 3);
        return Fuse(branches.Select(branch => branch.Scan(x, gate, size)).ToList());
    }

    /// <summary>(B, S, L, C) of every order → (B, L, S·C).</summary>
    private Tensor Fuse(IReadOnlyList<Tensor> scanned) => fusion switch
    {
        null => JoinSegments(scanned[0]),
        { Concatenates: true } => fusion.call([.. scanned.Select(JoinSegments)]),
        _ => JoinSegments(fusion.call(scanned)),
    };

    /// <summary>(B, S, L, C) → (B, L, S·C): the scales of one token side by side.</summary>
    private static Tensor JoinSegments(Tensor scanned) =>
        scanned.shape[1] == 1 ? scanned.squeeze(1) : scanned.transpose(1, 2).flatten(2, 3);

    private static int SegmentsOf(DepthwiseConv convolution) =>
        convolution is DepthwiseConv.MultiScale3d { fusion.IsJoinedSequence: true } scales ? scales.kernels.Length : 1;

    private ScanConvolutions AddConvolutions(DepthwiseConv convolution, string suffix) => convolution switch
    {
        DepthwiseConv.Causal1d causal =>
            new ScanConvolutions(Add($"conv1d{suffix}", new CausalConvolution1d(inner, causal.kernel)), [], null),
        DepthwiseConv.Volume3d volume => new ScanConvolutions(null, [AddVolume($"conv3d{suffix}", volume.kernel)], null),
        DepthwiseConv.MultiScale3d scales => new ScanConvolutions(
            null,
            [.. scales.kernels.Select((kernel, i) => AddVolume($"conv3d{suffix}_s{i}", kernel))],
            scales.fusion is ScaleFusion.Fused fused
                ? AddFusion($"scale_fusion{suffix}", fused.Item, scales.kernels.Length, inner)
                : null),
        _ => throw new ModelException($"the depthwise convolution {convolution} has no module"),
    };

    private DepthwiseConvolution3d AddVolume(string name, int kernel) =>
        Add(name, new DepthwiseConvolution3d(inner, kernel));

    private VolumeFusion AddFusion(string name, Fusion fusion, int count, int channels) =>
        Add(name, new VolumeFusion(fusion, count, channels));

    private StateSpace AddStateSpace(int channels, int states, string suffix, ScanStart start)
    {
        var rank = (channels + 15) / 16;
        var (logA, skip) = ($"A_log{suffix}", $"D{suffix}");
        AddParameter(logA, new Start.LogCounts(), inner, states);
        AddParameter(skip, Start.One, inner);
        var projection = Add($"x_proj{suffix}", new Linear(inner, rank + 2 * states, bias: false, start.Linear(inner)));
        var timeStep = Add(
            $"dt_proj{suffix}", new Linear(rank, inner, bias: true, start.TimeStepWeight(rank), start.TimeStepBias));
        return new StateSpace(projection, timeStep, () => Get(logA), () => Get(skip));
    }
}
