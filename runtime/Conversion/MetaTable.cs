namespace MedSegDsl.Runtime.Conversion;

/// <summary>The meta.csv of TotalSegmentator: one row a subject, semicolons between the columns.</summary>
internal static class MetaTable
{
    /// <summary>The set of each subject: train, val or test.</summary>
    /// <exception cref="UserException">The file is missing, or has no columns image_id and split.</exception>
    public static IReadOnlyDictionary<string, string> Splits(string file)
    {
        if (!File.Exists(file))
            throw new UserException($"{file}: no such file; it comes with the release and says which subjects are for the test");
        var rows = File.ReadAllLines(file).Where(line => line.Trim().Length > 0).Select(line => line.Split(';').Select(Unquoted).ToArray()).ToArray();
        var header = rows.Length > 0 ? rows[0] : [];
        var (id, split) = (Array.IndexOf(header, "image_id"), Array.IndexOf(header, "split"));
        if (id < 0 || split < 0)
            throw new UserException($"{file}: should have the columns image_id and split, with semicolons between them");
        Dictionary<string, string> splits = new(StringComparer.Ordinal);
        foreach (var row in rows.Skip(1))
        {
            if (row.Length <= Math.Max(id, split) || row[split] is not ("train" or "val" or "test"))
                throw new UserException($"{file}: \"{string.Join(';', row)}\" should end up in train, val or test");
            splits[row[id]] = row[split];
        }

        return splits;
    }

    private static string Unquoted(string field) => field.Trim().TrimStart('\uFEFF').Trim('"');
}
