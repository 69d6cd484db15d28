using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Writes pickles of protocol 2 with the instructions and names that torch.load(weights_only=True) takes (pytorch/pytorch,
/// torch/_weights_only_unpickler.py).
/// </summary>
/// <param name="stream">Where to; it stays open.</param>
internal sealed class PickleWriter(Stream stream)
{
    private const byte Protocol = 2;

    /// <summary>Opens the pickle.</summary>
    public void Begin()
    {
        Write(PickleOpcode.Proto);
        stream.WriteByte(Protocol);
    }

    /// <summary>Closes it.</summary>
    public void End() => Write(PickleOpcode.Stop);

    /// <summary>An ordered dictionary of tensors.</summary>
    /// <param name="tensors">Each with the key of its storage, in order.</param>
    public void StateDict(IEnumerable<(string Name, Tensor Tensor, string Key)> tensors)
    {
        EmptyOrderedDict();
        Write(PickleOpcode.Mark);
        foreach (var (name, tensor, key) in tensors)
        {
            Text(name);
            Contiguous(tensor, key, name);
        }

        Write(PickleOpcode.SetItems);
    }

    /// <summary>A dictionary whose values the caller writes.</summary>
    public void Dictionary(IEnumerable<(string Key, Action Value)> items) =>
        Mapping(items.Select(item => ((Action)(() => Text(item.Key)), item.Value)));

    /// <summary>A dictionary whose keys and values the caller writes.</summary>
    public void Mapping(IEnumerable<(Action Key, Action Value)> items)
    {
        Write(PickleOpcode.EmptyDict);
        Write(PickleOpcode.Mark);
        foreach (var (key, value) in items)
        {
            key();
            value();
        }

        Write(PickleOpcode.SetItems);
    }

    /// <summary>A tuple of small whole numbers.</summary>
    public void Tuple(IEnumerable<long> numbers)
    {
        Write(PickleOpcode.Mark);
        foreach (var number in numbers)
        {
            Whole(number);
        }

        Write(PickleOpcode.Tuple);
    }

    /// <summary>Python's None.</summary>
    public void None() => Write(PickleOpcode.None);

    /// <summary>A text.</summary>
    public void Text(string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        Write(PickleOpcode.BinUnicode);
        Int32(utf8.Length);
        stream.Write(utf8);
    }

    /// <summary>Bytes; an instruction of protocol 3, which Python reads in any pickle.</summary>
    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        Write(PickleOpcode.BinBytes);
        Int32(bytes.Length);
        stream.Write(bytes);
    }

    /// <summary>A whole number.</summary>
    public void Whole(long number)
    {
        if (number is >= int.MinValue and <= int.MaxValue)
        {
            Write(PickleOpcode.BinInt);
            Int32((int)number);
            return;
        }

        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        Write(PickleOpcode.Long1);
        stream.WriteByte(sizeof(long));
        stream.Write(bytes);
    }

    /// <summary>A floating-point number.</summary>
    public void Number(double number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleBigEndian(bytes, number);
        Write(PickleOpcode.BinFloat);
        stream.Write(bytes);
    }

    /// <summary>JSON as Python's json module would read it: dictionaries, lists, texts, numbers, True, False, None.</summary>
    public void Json(JsonNode? node)
    {
        switch (node)
        {
            case null:
                None();
                break;
            case JsonObject fields:
                Dictionary(fields.Select(field => (field.Key, (Action)(() => Json(field.Value)))));
                break;
            case JsonArray items:
                List(items.Select(item => (Action)(() => Json(item))));
                break;
            default:
                Scalar(node.AsValue());
                break;
        }
    }

    /// <summary>A list whose items the caller writes.</summary>
    public void List(IEnumerable<Action> items)
    {
        Write(PickleOpcode.EmptyList);
        Write(PickleOpcode.Mark);
        foreach (var item in items)
        {
            item();
        }

        Write(PickleOpcode.Appends);
    }

    private void Scalar(JsonValue value)
    {
        switch (value.GetValueKind())
        {
            case JsonValueKind.String:
                Text(value.GetValue<string>());
                break;
            case JsonValueKind.True or JsonValueKind.False:
                Write(value.GetValue<bool>() ? PickleOpcode.NewTrue : PickleOpcode.NewFalse);
                break;
            default:
                // 54.0 is a float in Python, though JSON may call it a whole number.
                if (value.TryGetValue<long>(out var whole))
                {
                    Whole(whole);
                }
                else if (value.TryGetValue<int>(out var small))
                {
                    Whole(small);
                }
                else
                {
                    Number(double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture));
                }

                break;
        }
    }

    /// <summary>A tensor in row-major order over a storage of its own length.</summary>
    private void Contiguous(Tensor tensor, string key, string name)
    {
        Global("torch._utils", "_rebuild_tensor_v2");
        Write(PickleOpcode.Mark);
        Write(PickleOpcode.Mark);
        Text("storage");
        Global("torch", PickleGlobals.StorageOf(tensor.dtype, name));
        Text(key);
        Text("cpu");
        Whole(tensor.numel());
        Write(PickleOpcode.Tuple);
        Write(PickleOpcode.BinPersId);
        Whole(0);
        Tuple(tensor.shape);
        Tuple(Strides(tensor.shape));
        Write(PickleOpcode.NewFalse);
        EmptyOrderedDict();
        Write(PickleOpcode.Tuple);
        Write(PickleOpcode.Reduce);
    }

    private static long[] Strides(long[] shape)
    {
        var strides = new long[shape.Length];
        var step = 1L;
        for (var axis = shape.Length - 1; axis >= 0; axis--)
        {
            strides[axis] = step;
            step *= Math.Max(shape[axis], 1);
        }

        return strides;
    }

    private void EmptyOrderedDict()
    {
        Global("collections", "OrderedDict");
        Write(PickleOpcode.EmptyTuple);
        Write(PickleOpcode.Reduce);
    }

    /// <summary>A class or function by its name.</summary>
    public void Global(string module, string name)
    {
        Write(PickleOpcode.Global);
        stream.Write(Encoding.ASCII.GetBytes($"{module}\n{name}\n"));
    }

    private void Int32(int number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        stream.Write(bytes);
    }

    /// <summary>An instruction without arguments.</summary>
    public void Write(PickleOpcode opcode) => stream.WriteByte((byte)opcode);
}
