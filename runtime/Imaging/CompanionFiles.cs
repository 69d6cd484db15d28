using MedSegDsl.Runtime.Imaging.Itk;

namespace MedSegDsl.Runtime.Imaging;

/// <summary>Files that belong to an image and must go with it.</summary>
public static class CompanionFiles
{
    /// <summary>The values of a .mhd file and the spacing of a TIFF stack of labels, where they are there;
    /// nothing for other formats. The file itself is not listed.</summary>
    /// <exception cref="UserException">The header of a .mhd file cannot be read.</exception>
    public static IEnumerable<string> Of(string file) => Path.GetExtension(file).ToLowerInvariant() switch
    {
        ".mhd" => ItkFile.ReadHeader(file).DataFile is { } values ? [Path.Combine(Path.GetDirectoryName(file)!, values)] : [],
        ".tif" or ".tiff" => new[] { Path.ChangeExtension(file, ".json") }.Where(File.Exists),
        _ => [],
    };
}
