namespace MedSegDsl.Runtime.Conversion;

/// <summary>What a case of a release is for.</summary>
public enum CaseSet
{
    /// <summary>imagesTr and labelsTr: nnU-Net splits these cases into folds.</summary>
    Training,

    /// <summary>imagesTs, and labelsTs where the release has them.</summary>
    Test,
}
