using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace MedSegDsl.Models;

/// <summary>
/// Reads a pickle as data. Nothing is run: instructions and names outside closed lists are refused, and a "call" only
/// records what it would have made. Values are null, bool, long, <see cref="BigInteger"/>, double, string, byte[],
/// lists and the types of PickleValues.cs; a persistent id becomes what the caller makes of it.
/// </summary>
/// <param name="bytes">The pickle.</param>
/// <param name="persistent">From a persistent id to a value.</param>
internal sealed class PickleReader(byte[] bytes, Func<object?, object?> persistent)
{
    private readonly List<object?> stack = [];
    private readonly Stack<int> marks = new();
    private readonly Dictionary<long, object?> memo = [];
    private int position;

    // Where the instruction at hand began.
    private int start;

    /// <summary>The value of the pickle.</summary>
    /// <exception cref="InvalidDataException">What is refused or damaged, with its byte.</exception>
    public object? Read()
    {
        while (true)
        {
            start = position;
            var opcode = (PickleOpcode)Take(1)[0];
            if (opcode == PickleOpcode.Stop)
            {
                return Pop();
            }

            Run(opcode);
        }
    }

    private void Run(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.Proto: Version(Take(1)[0]); break;
            case PickleOpcode.Frame: Take(8); break;
            case PickleOpcode.Mark: marks.Push(stack.Count); break;
            case PickleOpcode.Pop: Pop(); break;
            case PickleOpcode.PopMark: PopToMark(); break;
            case PickleOpcode.None: Push(null); break;
            case PickleOpcode.NewTrue: Push(true); break;
            case PickleOpcode.NewFalse: Push(false); break;
            case PickleOpcode.BinInt: Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;
            case PickleOpcode.BinInt1: Push((long)Take(1)[0]); break;
            case PickleOpcode.BinInt2: Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;
            case PickleOpcode.Long1: Push(Long(Take(Take(1)[0]))); break;
            case PickleOpcode.Long4: Push(Long(Take(Length4()))); break;
            case PickleOpcode.BinFloat: Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;
            case PickleOpcode.BinUnicode: Push(Text(Take(Length4()))); break;
            case PickleOpcode.ShortBinUnicode: Push(Text(Take(Take(1)[0]))); break;
            case PickleOpcode.BinUnicode8: Push(Text(Take(Length8()))); break;
            case PickleOpcode.BinString: Push(Encoding.Latin1.GetString(Take(Length4()))); break;
            case PickleOpcode.ShortBinString: Push(Encoding.Latin1.GetString(Take(Take(1)[0]))); break;
            case PickleOpcode.BinBytes: Push(Take(Length4()).ToArray()); break;
            case PickleOpcode.ShortBinBytes: Push(Take(Take(1)[0]).ToArray()); break;
            case PickleOpcode.BinBytes8 or PickleOpcode.ByteArray8: Push(Take(Length8()).ToArray()); break;
            case PickleOpcode.EmptyTuple: Push(new PickleTuple([])); break;
            case PickleOpcode.EmptyList: Push(new List<object?>()); break;
            case PickleOpcode.EmptyDict: Push(new PickleDictionary()); break;
            case PickleOpcode.EmptySet: Push(new PickleSet()); break;
            case PickleOpcode.Tuple: Push(new PickleTuple(PopToMark())); break;
            case PickleOpcode.Tuple1: Push(new PickleTuple(PopSome(1))); break;
            case PickleOpcode.Tuple2: Push(new PickleTuple(PopSome(2))); break;
            case PickleOpcode.Tuple3: Push(new PickleTuple(PopSome(3))); break;
            case PickleOpcode.FrozenSet: Push(SetOf(PopToMark())); break;
            case PickleOpcode.Append: Append(PopSome(1)); break;
            case PickleOpcode.Appends: Append(PopToMark()); break;
            case PickleOpcode.AddItems: AddItems(PopToMark()); break;
            case PickleOpcode.SetItem: SetItems(PopSome(2)); break;
            case PickleOpcode.SetItems: SetItems(PopToMark()); break;
            case PickleOpcode.BinGet: Push(Remembered(Take(1)[0])); break;
            case PickleOpcode.LongBinGet: Push(Remembered(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))); break;
            case PickleOpcode.BinPut: memo[Take(1)[0]] = Top(); break;
            case PickleOpcode.LongBinPut: memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))] = Top(); break;
            case PickleOpcode.Memoize: memo[memo.Count] = Top(); break;
            case PickleOpcode.Global: Push(Global(Line(), Line())); break;
            case PickleOpcode.StackGlobal: StackGlobal(); break;
            case PickleOpcode.BinPersId: Push(persistent(Pop())); break;
            case PickleOpcode.Reduce or PickleOpcode.NewObj: Call(opcode); break;
            case PickleOpcode.Build: Build(Pop()); break;
            default: throw Wrong($"the instruction {Name(opcode)} is not read");
        }
    }

    private static string Name(PickleOpcode opcode) =>
        Enum.IsDefined(opcode) ? opcode.ToString().ToUpperInvariant() : $"0x{(byte)opcode:x2}";

    private void Version(byte version)
    {
        if (version is < 2 or > 5)
        {
            throw Wrong($"protocol {version} is not read, only 2 to 5");
        }
    }

    private PickleGlobal Global(string module, string name) =>
        PickleGlobals.Find(module, name)
        ?? throw Wrong($"{module}.{name} is not in the closed list of what a checkpoint may name");

    private void StackGlobal()
    {
        var names = PopSome(2);
        Push(names is [string module, string name] ? Global(module, name) : throw Wrong("a global without a name"));
    }

    private void Call(PickleOpcode opcode)
    {
        var arguments = Pop();
        var called = Pop();
        if (called is not PickleGlobal global || arguments is not PickleTuple tuple)
        {
            throw Wrong($"{Name(opcode)} of something that is no global with a tuple of arguments");
        }

        Push(global.Kind switch
        {
            GlobalKind.Dictionary => DictionaryOf(tuple),
            GlobalKind.Set => SetOf(Elements(tuple)),
            GlobalKind.Tuple => new PickleTuple(Elements(tuple)),
            GlobalKind.Bytes when tuple.Items is [string text, ..] => Encoding.Latin1.GetBytes(text),
            GlobalKind.Plain => new PickleObject(global, tuple),
            GlobalKind.Tensor => Tensor(global, tuple, type: null),
            GlobalKind.TypedTensor when tuple.Items.Count > 6 && PickleGlobals.ElementType(tuple.Items[6]) is { } type =>
                Tensor(global, tuple, type),
            GlobalKind.Parameter when tuple.Items is [TorchTensor tensor, ..] => tensor,
            _ => throw Wrong($"{global} cannot be called with these arguments"),
        });
    }

    private TorchTensor Tensor(PickleGlobal global, PickleTuple tuple, TorchSharp.torch.ScalarType? type)
    {
        if (tuple.Items is [TorchStorage storage, long offset, PickleTuple shape, PickleTuple strides, ..]
            && (type ?? storage.Type) is { } element)
        {
            return TorchTensor.Of(storage, element, offset, Numbers(shape), Numbers(strides))
                ?? throw Wrong($"a tensor of shape ({string.Join(", ", shape.Items)}) that reaches beyond its storage {storage.Key}");
        }

        throw Wrong($"{global} cannot be called with these arguments");
    }

    private long[] Numbers(PickleTuple tuple) =>
        [.. tuple.Items.Select(item => item is long number ? number : throw Wrong("a shape that is not of whole numbers"))];

    private PickleDictionary DictionaryOf(PickleTuple arguments)
    {
        var dictionary = new PickleDictionary();
        switch (arguments.Items)
        {
            case [PickleDictionary other]:
                foreach (var (key, value) in other.Items)
                {
                    dictionary.Set(key, value);
                }

                break;
            case [List<object?> pairs]:
                foreach (var pair in pairs)
                {
                    var items = (pair as PickleTuple)?.Items ?? pair as List<object?>;
                    dictionary.Set(
                        items is [var key, _] ? key : throw Wrong("a dictionary of something else than pairs"), items[1]);
                }

                break;
            case [] or [PickleGlobal or null]:
                break;
            default:
                throw Wrong("a dictionary of something else than pairs");
        }

        return dictionary;
    }

    private static PickleSet SetOf(IReadOnlyList<object?> items)
    {
        var set = new PickleSet();
        set.Items.AddRange(items);
        return set;
    }

    /// <summary>The elements of the one argument of set(…) or torch.Size(…).</summary>
    private IReadOnlyList<object?> Elements(PickleTuple arguments) => arguments.Items switch
    {
        [] => [],
        [List<object?> items] => items,
        [PickleTuple items] => items.Items,
        [PickleSet items] => items.Items,
        _ => throw Wrong("a collection of something that has no elements"),
    };

    private void Build(object? state)
    {
        switch (Top())
        {
            // Attributes of a dictionary: the versions of modules beside a state dict.
            case PickleDictionary: break;
            case PickleObject value: value.State = state; break;
            default: throw Wrong("BUILD of something that takes no state");
        }
    }

    private void Append(List<object?> items)
    {
        switch (Top())
        {
            case List<object?> list: list.AddRange(items); break;
            default: throw Wrong("elements for something that is no list");
        }
    }

    private void AddItems(List<object?> items)
    {
        switch (Top())
        {
            case PickleSet set: set.Items.AddRange(items); break;
            default: throw Wrong("elements for something that is no set");
        }
    }

    private void SetItems(List<object?> items)
    {
        if (Top() is not PickleDictionary dictionary || items.Count % 2 != 0)
        {
            throw Wrong("entries for something that is no dictionary");
        }

        for (var i = 0; i < items.Count; i += 2)
        {
            dictionary.Set(items[i], items[i + 1]);
        }
    }

    private object? Remembered(long place) =>
        memo.TryGetValue(place, out var value) ? value : throw Wrong($"nothing is stored in place {place}");

    private void Push(object? value) => stack.Add(value);

    private object? Top() => stack.Count > Floor ? stack[^1] : throw Wrong("a value is missing");

    private object? Pop()
    {
        var value = Top();
        stack.RemoveAt(stack.Count - 1);
        return value;
    }

    private int Floor => marks.Count > 0 ? marks.Peek() : 0;

    private List<object?> PopSome(int count) =>
        stack.Count - Floor >= count ? Cut(stack.Count - count) : throw Wrong("a value is missing");

    private List<object?> PopToMark() => marks.Count > 0 ? Cut(marks.Pop()) : throw Wrong("no mark to go back to");

    private List<object?> Cut(int from)
    {
        var items = stack.GetRange(from, stack.Count - from);
        stack.RemoveRange(from, stack.Count - from);
        return items;
    }

    private ReadOnlySpan<byte> Take(long count)
    {
        if (count < 0 || count > bytes.Length - position)
        {
            throw Wrong("the pickle is cut short");
        }

        var taken = bytes.AsSpan(position, (int)count);
        position += (int)count;
        return taken;
    }

    private long Length4() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    private long Length8() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    private string Line()
    {
        var length = bytes.AsSpan(position).IndexOf((byte)'\n');
        var line = Text(Take(length < 0 ? bytes.Length : length));
        position++;
        return line;
    }

    private static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);

    private static object Long(ReadOnlySpan<byte> littleEndian)
    {
        var number = new BigInteger(littleEndian);
        return number >= long.MinValue && number <= long.MaxValue ? (long)number : number;
    }

    private InvalidDataException Wrong(string what) => new($"byte {start} of its pickle: {what}");
}
