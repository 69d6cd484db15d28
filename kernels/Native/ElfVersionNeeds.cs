using System.Buffers.Binary;
using System.Text;

namespace MedSegDsl.Kernels;

/// <summary>
/// The symbol versions that a shared library (ELF, 64 bits, little endian) asks other libraries for: the entries of its
/// section <c>.gnu.version_r</c>. (Linux Standard Base, "Symbol Versioning"; ELF-64 Object File Format.)
/// </summary>
internal sealed class ElfVersionNeeds
{
    private const int DynamicSegment = 2, LoadSegment = 1;
    private const long StringTable = 5, VersionNeeds = 0x6ffffffe, VersionNeedCount = 0x6fffffff;
    private const ushort WeakFlag = 2;

    private readonly byte[] image;
    private readonly int strings;

    /// <summary>One version that is asked for.</summary>
    /// <param name="Library">The library that must have it, such as <c>libstdc++.so.6</c>.</param>
    /// <param name="Version">The version, such as <c>GLIBCXX_3.4.32</c>.</param>
    /// <param name="IsWeak">Whether the linker only warns where it is missing.</param>
    /// <param name="Offset">Where its entry (Elf64_Vernaux) stands in the file, in bytes.</param>
    public sealed record Need(string Library, string Version, bool IsWeak, int Offset);

    /// <summary>All versions that the library asks for, in the file's order.</summary>
    public IReadOnlyList<Need> All { get; }

    /// <summary>Reads a library's file.</summary>
    /// <exception cref="InvalidDataException">It is not a 64-bit little-endian ELF file, or ends too soon.</exception>
    public ElfVersionNeeds(byte[] file)
    {
        image = file;
        if (file.Length < 64 || U32(0) != 0x464c457f || file[4] != 2 || file[5] != 1)
        {
            throw new InvalidDataException("not a 64-bit little-endian ELF file");
        }
        try
        {
            var dynamic = DynamicEntries();
            strings = dynamic.TryGetValue(StringTable, out var table) ? FileOffset(table) : 0;
            All = dynamic.TryGetValue(VersionNeeds, out var needs) && dynamic.TryGetValue(VersionNeedCount, out var count)
                ? ReadNeeds(FileOffset(needs), (int)count).ToList()
                : [];
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new InvalidDataException("the ELF file ends too soon");
        }
    }

    /// <summary>
    /// A copy of the file in which the entries for one version are marked weak: the linker then loads the library
    /// on a system whose own library lacks that version.
    /// </summary>
    public byte[] WithWeak(string version)
    {
        var copy = (byte[])image.Clone();
        foreach (var need in All.Where(need => need.Version == version))
        {
            var flags = copy.AsSpan(need.Offset + 4, 2);
            BinaryPrimitives.WriteUInt16LittleEndian(flags, (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(flags) | WeakFlag));
        }
        return copy;
    }

    private IEnumerable<Need> ReadNeeds(int start, int count)
    {
        // Elf64_Verneed: version u16, number of entries u16, file u32, first entry u32, next u32.
        // Elf64_Vernaux: hash u32, flags u16, other u16, name u32, next u32.
        for (var (i, at) = (0, start); i < count; i++)
        {
            var library = Text(U32(at + 4));
            var entry = at + (int)U32(at + 8);
            for (var k = 0; k < U16(at + 2); k++)
            {
                yield return new Need(library, Text(U32(entry + 8)), (U16(entry + 4) & WeakFlag) != 0, entry);
                entry += (int)U32(entry + 12);
            }
            at += (int)U32(at + 12);
        }
    }

    private Dictionary<long, long> DynamicEntries()
    {
        var entries = new Dictionary<long, long>();
        foreach (var (type, offset, _, size) in Segments().Where(segment => segment.Type == DynamicSegment))
        {
            for (var at = (int)offset; at < (int)(offset + size) && I64(at) != 0; at += 16)
            {
                entries.TryAdd(I64(at), I64(at + 8));
            }
        }
        return entries;
    }

    private int FileOffset(long address)
    {
        foreach (var (type, offset, start, size) in Segments())
        {
            if (type == LoadSegment && address >= start && address < start + size)
            {
                return (int)(address - start + offset);
            }
        }
        throw new InvalidDataException($"the ELF file has no segment at address 0x{address:x}");
    }

    private IEnumerable<(int Type, long Offset, long Address, long Size)> Segments()
    {
        var (table, size, count) = ((int)I64(32), U16(54), U16(56));
        for (var i = 0; i < count; i++)
        {
            var at = table + i * size;
            yield return ((int)U32(at), I64(at + 8), I64(at + 16), I64(at + 32));
        }
    }

    private string Text(uint offset)
    {
        var from = image.AsSpan(strings + (int)offset);
        return Encoding.ASCII.GetString(from[..Math.Max(0, from.IndexOf((byte)0))]);
    }

    private ushort U16(int at) => BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(at, 2));

    private uint U32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(at, 4));

    private long I64(int at) => BinaryPrimitives.ReadInt64LittleEndian(image.AsSpan(at, 8));
}
