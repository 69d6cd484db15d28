using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace MedSegDsl.Models;

/// <summary>numpy's arrays and scalars in pickles (numpy/core/src/multiarray: __reduce__), as data.</summary>
internal static class NumpyPickle
{
    private const string Module = "numpy.core.multiarray";

    /// <summary>Writes an array in C order.</summary>
    /// <param name="writer">The pickle.</param>
    /// <param name="shape">Outermost axis first.</param>
    /// <param name="values">long or double.</param>
    public static void Array<T>(PickleWriter writer, long[] shape, ReadOnlySpan<T> values) where T : unmanaged
    {
        var type = typeof(T) == typeof(long) ? "i8" : "f8";
        writer.Global(Module, "_reconstruct");
        writer.Write(PickleOpcode.Mark);
        writer.Global("numpy", "ndarray");
        writer.Tuple([0]);
        writer.Bytes("b"u8);
        writer.Write(PickleOpcode.Tuple);
        writer.Write(PickleOpcode.Reduce);
        // The state: version, shape, type, whether in Fortran's order, bytes.
        writer.Write(PickleOpcode.Mark);
        writer.Whole(1);
        writer.Tuple(shape);
        Type(writer, type);
        writer.Write(PickleOpcode.NewFalse);
        writer.Bytes(MemoryMarshal.AsBytes(values));
        writer.Write(PickleOpcode.Tuple);
        writer.Write(PickleOpcode.Build);
    }

    /// <summary>The whole numbers of an array of two axes, row by row; null where it is something else.</summary>
    public static (int Rows, int Columns, long[] Values)? Table(object? value)
    {
        if (Parts(value) is not { Shape: [long rows, long columns], Type: var type, IsTransposed: var isTransposed, Bytes: var bytes }
            || ItemSize(type) is not { } size || rows < 0 || columns < 0 || bytes.Length != (Int128)rows * columns * size)
            return null;
        var values = new long[rows * columns];
        for (var row = 0; row < rows; row++)
            for (var column = 0; column < columns; column++)
            {
                var place = (int)(isTransposed ? column * rows + row : row * columns + column);
                values[row * columns + column] = Whole(bytes.AsSpan(place * size, size));
            }

        return ((int)rows, (int)columns, values);
    }

    /// <summary>A number of Python's or numpy's; null where it is something else.</summary>
    public static double? Number(object? value) => value switch
    {
        long whole => whole,
        double number => number,
        PickleObject { Type.Name: "scalar", Arguments: PickleTuple { Items: [PickleObject type, byte[] bytes] } } => Name(type) switch
        {
            "f8" when bytes.Length == sizeof(double) => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
            "f4" when bytes.Length == sizeof(float) => BinaryPrimitives.ReadSingleLittleEndian(bytes),
            _ => ItemSize(type) is { } size && size == bytes.Length ? Whole(bytes) : null,
        },
        _ => null,
    };

    /// <summary>An array as protocols up to 4 and from 5 on write it.</summary>
    private static (IReadOnlyList<object?> Shape, PickleObject Type, bool IsTransposed, byte[] Bytes)? Parts(object? value) => value switch
    {
        PickleObject { Type.Name: "_reconstruct", State: PickleTuple { Items: [_, PickleTuple shape, PickleObject type, bool isTransposed, byte[] bytes] } } =>
            (shape.Items, type, isTransposed, bytes),
        PickleObject { Type.Name: "_frombuffer", Arguments: PickleTuple { Items: [byte[] bytes, PickleObject type, PickleTuple shape, string order] } } =>
            (shape.Items, type, order == "F", bytes),
        _ => null,
    };

    private static void Type(PickleWriter writer, string name)
    {
        writer.Global("numpy", "dtype");
        writer.Write(PickleOpcode.Mark);
        writer.Text(name);
        writer.Write(PickleOpcode.NewFalse);
        writer.Write(PickleOpcode.NewTrue);
        writer.Write(PickleOpcode.Tuple);
        writer.Write(PickleOpcode.Reduce);
        writer.Write(PickleOpcode.Mark);
        writer.Whole(3);
        writer.Text("<");
        writer.None();
        writer.None();
        writer.None();
        writer.Whole(-1);
        writer.Whole(-1);
        writer.Whole(0);
        writer.Write(PickleOpcode.Tuple);
        writer.Write(PickleOpcode.Build);
    }

    private static string? Name(PickleObject type) => type is { Type.Name: "dtype", Arguments: PickleTuple { Items: [string name, ..] } } ? name : null;

    private static int? ItemSize(PickleObject type) => Name(type) switch
    {
        "i8" or "u8" => 8,
        "i4" => 4,
        "i2" => 2,
        "i1" => 1,
        _ => null,
    };

    private static long Whole(ReadOnlySpan<byte> bytes) => bytes.Length switch
    {
        8 => BinaryPrimitives.ReadInt64LittleEndian(bytes),
        4 => BinaryPrimitives.ReadInt32LittleEndian(bytes),
        2 => BinaryPrimitives.ReadInt16LittleEndian(bytes),
        _ => (sbyte)bytes[0],
    };
}
