using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Imaging.Itk;
using MedSegDsl.Runtime.Nifti;

namespace MedSegDsl.Runtime.Storage;

/// <summary>Where a case comes from: what nnU-Net keeps with it to write a segmentation on the same grid.</summary>
/// <param name="Reader">nnU-Net's name of the reader: SimpleITKIO.</param>
/// <param name="Geometry">The image's geometry, as that reader gives it.</param>
public sealed record CaseOrigin(string Reader, ImageGeometry Geometry)
{
    /// <summary>What SimpleITKIO keeps; null for other readers.</summary>
    internal JsonObject? SimpleItk
    {
        get
        {
            if (Reader != "SimpleITKIO")
                return null;
            var itk = ItkGeometry.Of(Geometry);
            return new()
            {
                ["spacing"] = PythonJson.List(itk.Spacing),
                ["origin"] = PythonJson.List(itk.Origin),
                ["direction"] = PythonJson.List([.. itk.Direction.Cast<double>()]),
            };
        }
    }

    /// <summary>The affines that nnU-Net's NIfTI readers keep, by name; none for other readers.</summary>
    internal IReadOnlyList<(string Name, double[,] Affine)> Affines => Reader switch
    {
        "NibabelIO" => [("original_affine", Geometry.Affine)],
        "NibabelIOWithReorient" => [("original_affine", Original()), ("reoriented_affine", Geometry.Affine)],
        _ => [],
    };

    private double[,] Original() => Geometry.Header is { Length: > 0 } header
        ? NiftiAffine.Of(NiftiHeader.Parse(header, Reader), Reader)
        : Geometry.Affine;
}
