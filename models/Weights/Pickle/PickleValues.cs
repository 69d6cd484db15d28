namespace MedSegDsl.Models;

/// <summary>A class or function that a pickle names, as a name: nothing is looked up or called.</summary>
/// <param name="Module">Python's module: <c>torch._utils</c>.</param>
/// <param name="Name">The name inside the module: <c>_rebuild_tensor_v2</c>.</param>
/// <param name="Kind">What its calls stand for.</param>
internal sealed record PickleGlobal(string Module, string Name, GlobalKind Kind)
{
    /// <summary>Module and name, joined by a dot.</summary>
    public override string ToString() => $"{Module}.{Name}";
}

/// <summary>What a call of a global stands for as data.</summary>
internal enum GlobalKind
{
    /// <summary>A dictionary: OrderedDict, defaultdict, Counter.</summary>
    Dictionary,

    /// <summary>A set or a frozen set.</summary>
    Set,

    /// <summary>A tuple: torch.Size.</summary>
    Tuple,

    /// <summary>Bytes that protocol 2 writes as text.</summary>
    Bytes,

    /// <summary>A value that is kept as its name and arguments: numpy's scalars and arrays, devices, paths.</summary>
    Plain,

    /// <summary>A tensor over a storage, its element type that of the storage.</summary>
    Tensor,

    /// <summary>A tensor over a storage, its element type among the arguments.</summary>
    TypedTensor,

    /// <summary>A parameter: the tensor that is its first argument.</summary>
    Parameter,

    /// <summary>A name that is never called: an element type, a class of storages.</summary>
    Name,
}

/// <summary>A Python tuple.</summary>
internal sealed record PickleTuple(IReadOnlyList<object?> Items);

/// <summary>A Python set or frozen set, in the pickle's order.</summary>
internal sealed class PickleSet
{
    /// <summary>The members.</summary>
    public List<object?> Items { get; } = [];
}

/// <summary>An object that is kept as data: what made it, with which arguments, and the state it was given.</summary>
internal sealed class PickleObject(PickleGlobal type, object? arguments)
{
    /// <summary>Its class, or the function that would make it.</summary>
    public PickleGlobal Type { get; } = type;

    /// <summary>The arguments.</summary>
    public object? Arguments { get; } = arguments;

    /// <summary>The state that follows, if any.</summary>
    public object? State { get; set; }
}

/// <summary>A Python dictionary in the pickle's order. Keys may be of any kind; text keys can be looked up.</summary>
internal sealed class PickleDictionary
{
    private readonly List<(object? Key, object? Value)> items = [];
    private readonly Dictionary<string, int> places = [];

    /// <summary>The entries.</summary>
    public IReadOnlyList<(object? Key, object? Value)> Items => items;

    /// <summary>Sets an entry; the last one of a text key counts.</summary>
    public void Set(object? key, object? value)
    {
        if (key is string text && !places.TryAdd(text, items.Count))
        {
            items[places[text]] = (key, value);
            return;
        }

        items.Add((key, value));
    }

    /// <summary>The value of a text key, or null.</summary>
    public object? this[string key] => places.TryGetValue(key, out var place) ? items[place].Value : null;
}
