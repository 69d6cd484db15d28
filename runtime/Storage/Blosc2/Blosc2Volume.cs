using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace MedSegDsl.Runtime.Storage.Blosc2;

/// <summary>
/// A .b2nd file, in which nnU-Net 2.6 and later store preprocessed cases, mapped: a patch unpacks the blocks that it touches.
/// Safe for many readers.
/// </summary>
internal sealed unsafe class Blosc2Volume : IStoredVolume
{
    [ThreadStatic]
    private static Blosc2Scratch? scratch;

    private readonly string path;
    private readonly MappedFile file;
    private readonly Blosc2Frame frame;
    private readonly Axis[] axes;
    private readonly long[] chunks;

    /// <summary>Maps a file.</summary>
    /// <exception cref="UserException">The file is missing, unreadable, damaged, or packed in a way that is not
    /// read.</exception>
    public Blosc2Volume(string path)
    {
        this.path = path;
        Blosc2Frame? header = null;
        file = new MappedFile(path, stream =>
        {
            try
            {
                header = Blosc2Frame.Read(stream);
            }
            catch (InvalidDataException cause)
            {
                throw Broken(cause);
            }
        });
        frame = header!;
        // Arrays with fewer axes have one value along the others.
        axes = [.. Enumerable.Range(frame.Shape.Length - 4, 4).Select(axis => axis < 0
            ? new Axis(1, 1, 1)
            : new Axis((int)frame.Shape[axis], frame.ChunkShape[axis], frame.BlockShape[axis]))];
        try
        {
            if (NpyHeader.SizeOf(Type) != frame.TypeSize)
                throw new InvalidDataException($"holds values of type {Type}; float32 and whole numbers of up to 16 bits are read");
            chunks = Index();
        }
        catch (InvalidDataException cause)
        {
            file.Dispose();
            throw Broken(cause);
        }
    }

    /// <inheritdoc />
    public string Type => frame.Type;

    /// <inheritdoc />
    public long[] Shape => frame.Shape;

    /// <inheritdoc />
    public void ReadPatch<T>(int channel, ReadOnlySpan<int> corner, ReadOnlySpan<int> size, Span<T> target, T outside)
        where T : unmanaged, INumberBase<T>
    {
        try
        {
            switch (Type)
            {
                case "<f4": Read<float, T>(channel, corner, size, target, outside); break;
                case "<i2": Read<short, T>(channel, corner, size, target, outside); break;
                case "<u2": Read<ushort, T>(channel, corner, size, target, outside); break;
                case "|u1": Read<byte, T>(channel, corner, size, target, outside); break;
                default: Read<sbyte, T>(channel, corner, size, target, outside); break;
            }
        }
        catch (InvalidDataException cause)
        {
            throw Broken(cause);
        }
    }

    /// <inheritdoc />
    public void Dispose() => file.Dispose();

    private void Read<TStored, T>(int channel, ReadOnlySpan<int> corner, ReadOnlySpan<int> size, Span<T> target, T outside)
        where TStored : unmanaged, INumberBase<TStored>
        where T : unmanaged, INumberBase<T>
    {
        Piece[] z = axes[1].Pieces(corner[0], size[0]), y = axes[2].Pieces(corner[1], size[1]), x = axes[3].Pieces(corner[2], size[2]);
        if (z.Sum(Length) != size[0] || y.Sum(Length) != size[1] || x.Sum(Length) != size[2])
            target.Fill(outside);
        var c = axes[0].Pieces(channel, 1)[0];
        foreach (var pz in z)
            foreach (var py in y)
                foreach (var px in x)
                {
                    var block = MemoryMarshal.Cast<byte, TStored>(Block([c, pz, py, px]));
                    for (var plane = pz.First; plane < pz.End; plane++)
                        for (var line = py.First; line < py.End; line++)
                        {
                            var row = (((c.First - c.Start) * axes[1].Block + plane - pz.Start) * axes[2].Block + line - py.Start) * axes[3].Block;
                            TensorPrimitives.ConvertTruncating(
                                block.Slice(row + px.First - px.Start, px.End - px.First),
                                target.Slice(((plane - corner[0]) * size[1] + line - corner[1]) * size[2] + px.First - corner[2], px.End - px.First));
                        }
                }

        static int Length(Piece piece) => piece.End - piece.First;
    }

    private ReadOnlySpan<byte> Block(ReadOnlySpan<Piece> at)
    {
        scratch ??= new();
        long chunk = 0, block = 0;
        var bytes = frame.TypeSize;
        for (var axis = 0; axis < axes.Length; axis++)
        {
            chunk = chunk * axes[axis].Chunks + at[axis].Chunk;
            block = block * axes[axis].BlocksOfChunk + at[axis].Block;
            bytes = checked(bytes * axes[axis].Block);
        }

        var target = scratch.Block(bytes);
        switch (chunks[(int)chunk])
        {
            case >= 0 and var offset:
                new Blosc2Chunk(From(frame.HeaderLength + offset)).Read((int)block, target, scratch);
                break;
            case var special when (special >> 56 & 7) == 2 && Type == "<f4":
                MemoryMarshal.Cast<byte, float>(target).Fill(float.NaN);
                break;
            default:
                target.Clear();
                break;
        }

        return target;
    }

    /// <summary>Where each chunk lies after the header; a chunk of one value has none, and says so in its sign.</summary>
    private long[] Index()
    {
        var count = axes.Aggregate(1L, (product, axis) => product * axis.Chunks);
        var chunk = new Blosc2Chunk(From(frame.HeaderLength + frame.ChunkBytes));
        if (count > int.MaxValue / sizeof(long) || chunk.Length != count * sizeof(long))
            throw new InvalidDataException("has an index that does not fit its shape");
        var result = new long[count];
        var bytes = MemoryMarshal.AsBytes(result.AsSpan());
        Blosc2Scratch own = new();
        for (var block = 0; block * (long)chunk.BlockLength < bytes.Length; block++)
        {
            var start = block * chunk.BlockLength;
            chunk.Read(block, bytes.Slice(start, Math.Min(chunk.BlockLength, bytes.Length - start)), own);
        }

        return result;
    }

    private ReadOnlySpan<byte> From(long offset) => offset >= 0 && offset < file.Length
        ? new(file.At(offset), (int)Math.Min(int.MaxValue, file.Length - offset))
        : throw new InvalidDataException("refers to a chunk beyond its end");

    private UserException Broken(InvalidDataException cause) =>
        new($"{path}: {cause.Message}; preprocess the case again", cause);

    /// <summary>How one axis is cut; each chunk into whole blocks, of which the last may reach beyond it.</summary>
    private readonly record struct Axis(int Length, int Chunk, int Block)
    {
        public int Chunks => (Length + Chunk - 1) / Chunk;

        public int BlocksOfChunk => (Chunk + Block - 1) / Block;

        /// <summary>The blocks that a stretch touches, and the part of it in each; nothing outside the array.</summary>
        public Piece[] Pieces(int corner, int size)
        {
            List<Piece> pieces = [];
            var end = (int)Math.Clamp((long)corner + size, 0, Length);
            for (var at = Math.Clamp(corner, 0, Length); at < end; at = pieces[^1].End)
            {
                var (chunk, inside) = Math.DivRem(at, Chunk);
                var block = inside / Block;
                var start = chunk * Chunk + block * Block;
                pieces.Add(new(chunk, block, start, at, Math.Min(end, chunk * Chunk + Math.Min(Chunk, (block + 1) * Block))));
            }

            return [.. pieces];
        }
    }

    /// <summary>A stretch of an axis inside one block: its chunk, the block of the chunk, where the block starts, and the
    /// half-open stretch.</summary>
    private readonly record struct Piece(int Chunk, int Block, int Start, int First, int End);
}
