using System.Text;
using MedSegDsl.Kernels;
using MedSegDsl.Models;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Distributed;

/// <summary>
/// Sums gradients over the ranks in buckets while the backward pass still runs (Li and others, "PyTorch Distributed", VLDB 2020,
/// section 3.2). The first step shows in which order a forward pass uses the parameters and which of them get gradients; buckets
/// are cut from the end of that order, and a mark before each says when its last gradient has come. All ranks run the same
/// network, so all sum the same buckets in the same order.
/// </summary>
public sealed class GradientReducer : IDisposable
{
    /// <summary>The size of a bucket: large enough for full speed, small enough for the first to be under way early.</summary>
    public const long DefaultBucketBytes = 25L << 20;

    private readonly ICommunicator ranks;
    private readonly (string Name, Tensor Parameter)[] parameters;
    private readonly long bucketBytes;
    private readonly List<Tensor> used = [];
    private readonly HashSet<Tensor> seen = new(ReferenceEqualityComparer.Instance);
    private readonly List<IPendingSum> pending = [];
    private GradientBucket[]? buckets;
    private Dictionary<Tensor, int> marks = new(ReferenceEqualityComparer.Instance);
    private Exception? failure;

    /// <summary>Prepares the sums of a network's gradients.</summary>
    /// <param name="ranks">Who sums.</param>
    /// <param name="parameters">The parameters as the network's modules hold them, with their state-dict names.</param>
    /// <param name="bucketBytes">A bucket is closed when it is this large.</param>
    public GradientReducer(
        ICommunicator ranks, IEnumerable<(string Name, Tensor Parameter)> parameters, long bucketBytes = DefaultBucketBytes)
    {
        this.ranks = ranks;
        this.parameters = [.. parameters.Where(p => p.Parameter.requires_grad)];
        this.bucketBytes = bucketBytes;
    }

    /// <summary>The buckets of a step; 0 before the first.</summary>
    public int Buckets => buckets?.Length ?? 0;

    /// <summary>How many of them the last backward pass began itself.</summary>
    public int BegunInBackward { get; private set; }

    /// <summary>Watches a forward and a backward pass on this thread, whose gradients are then complete.</summary>
    public IDisposable Watch()
    {
        BegunInBackward = 0;
        seen.Clear();
        used.Clear();
        return ParameterUse.Watch(Used);
    }

    /// <summary>Leaves in every parameter's gradient the sum over all ranks.</summary>
    /// <exception cref="RankException">Another rank has ended.</exception>
    public void Finish()
    {
        if (failure is { } cause)
            throw cause is RankException ? cause : new InvalidOperationException($"the sum of gradients could not be begun: {cause.Message}", cause);
        BegunInBackward = pending.Count;
        buckets ??= Plan();
        BeginUpTo(buckets.Length - 1);
        foreach (var sum in pending)
            sum.Wait();
        pending.Clear();
        foreach (var bucket in buckets)
            bucket.Return();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var bucket in buckets ?? [])
            bucket.Dispose();
    }

    private Tensor Used(Tensor parameter)
    {
        if (!seen.Add(parameter))
            return parameter;
        used.Add(parameter);
        return marks.TryGetValue(parameter, out var bucket) && is_grad_enabled()
            ? GradientMark.On(parameter, () => Reached(bucket))
            : parameter;
    }

    /// <summary>On the thread of the backward pass, where nothing may be thrown.</summary>
    private void Reached(int bucket)
    {
        try
        {
            BeginUpTo(bucket);
        }
        catch (Exception cause)
        {
            failure = cause;
        }
    }

    private void BeginUpTo(int last)
    {
        while (pending.Count <= last)
            pending.Add(buckets![pending.Count].Begin(ranks));
    }

    /// <summary>Buckets of the parameters that have gradients, the last used first. A bucket is complete when the backward pass
    /// comes to the latest parameter of the next one.</summary>
    private GradientBucket[] Plan()
    {
        using var scope = NewDisposeScope();
        Dictionary<Tensor, string> names = new(
            parameters.Select(p => KeyValuePair.Create(p.Parameter, p.Name)), ReferenceEqualityComparer.Instance);
        var order = used.Where(names.ContainsKey).Reverse().Concat(parameters.Select(p => p.Parameter).Where(p => !seen.Contains(p)))
            .Where(p => p.grad is not null).ToList();
        CheckAlike(string.Join('\n', order.Select(p => names[p])));
        List<List<Tensor>> groups = [];
        var room = 0L;
        foreach (var parameter in order)
        {
            if (room <= 0)
            {
                groups.Add([]);
                room = bucketBytes;
            }

            groups[^1].Add(parameter);
            room -= parameter.numel() * parameter.element_size();
        }

        GradientBucket[] planned = [.. groups.Select(group => new GradientBucket(group))];
        marks = new(planned.Skip(1).Select((next, bucket) => KeyValuePair.Create(next.Latest, bucket)), ReferenceEqualityComparer.Instance);
        return planned;
    }

    private void CheckAlike(string order)
    {
        var all = ranks.Gather(Encoding.UTF8.GetBytes(order));
        for (var rank = 1; rank < all.Count; rank++)
            if (!all[rank].AsSpan().SequenceEqual(all[0]))
                throw new InvalidOperationException($"rank {rank} has trained other parameters than rank 0, or in another order");
    }
}
