using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Planning;

/// <summary>One configuration of the plans (2d, 3d_fullres, 3d_lowres, 3d_cascade_fullres), with what it
/// inherits filled in.
/// Sizes and spacings are in the transposed axis order of the plans, two numbers for 2D.</summary>
public sealed class PlansConfiguration
{
    private readonly JsonFields fields;

    /// <summary>A configuration.</summary>
    /// <param name="name">Its name in the plans.</param>
    /// <param name="fields">Its keys, inherited ones included.</param>
    /// <exception cref="UserException">A key is missing or wrong.</exception>
    public PlansConfiguration(string name, JsonFields fields)
    {
        this.fields = fields;
        Name = name;
        DataIdentifier = fields.Text("data_identifier");
        PreprocessorName = fields.Text("preprocessor_name");
        BatchSize = fields.Whole("batch_size");
        PatchSize = fields.Wholes("patch_size");
        MedianImageSize = fields.Numbers("median_image_size_in_voxels");
        Spacing = fields.Numbers("spacing");
        NormalizationSchemes = fields.Texts("normalization_schemes");
        UseMaskForNorm = fields.Flags("use_mask_for_norm");
        ResamplingData = ResamplingSettings.From(fields, "resampling_fn_data");
        ResamplingSegmentation = ResamplingSettings.From(fields, "resampling_fn_seg");
        ResamplingProbabilities = ResamplingSettings.From(fields, "resampling_fn_probabilities");
        BatchDice = fields.Flag("batch_dice");
        PreviousStage = fields.OptionalText("previous_stage");
        NextStage = fields.OptionalText("next_stage");
        if (PatchSize.Length is not (2 or 3) || Spacing.Length != PatchSize.Length)
            throw new UserException($"{fields.Source}: \"patch_size\" and \"spacing\" should both have two or three numbers");
    }

    /// <summary>Its name in the plans.</summary>
    public string Name { get; }

    /// <summary>Its keys, inherited ones included.</summary>
    public JsonObject Json => fields.Json;

    /// <summary>2 or 3.</summary>
    public int Dimensions => PatchSize.Length;

    /// <summary>The folder of its preprocessed cases inside the dataset's preprocessed folder.</summary>
    public string DataIdentifier { get; }

    /// <summary>The preprocessor; nnU-Net's planners write DefaultPreprocessor.</summary>
    public string PreprocessorName { get; }

    /// <summary>Patches in a batch.</summary>
    public int BatchSize { get; }

    /// <summary>Voxels of a patch along each axis.</summary>
    public int[] PatchSize { get; }

    /// <summary>The patch as a volume; that of a 2D configuration is one slice.</summary>
    public Size3 PatchVolume => PatchSize is [var y, var x] ? new(1, y, x) : new(PatchSize[0], PatchSize[1], PatchSize[2]);

    /// <summary>Median shape of the resampled cases.</summary>
    public double[] MedianImageSize { get; }

    /// <summary>Target spacing in mm.</summary>
    public double[] Spacing { get; }

    /// <summary>The normalization of each channel: ZScoreNormalization, CTNormalization, ...</summary>
    public string[] NormalizationSchemes { get; }

    /// <summary>For each channel: statistics over the nonzero mask only.</summary>
    public bool[] UseMaskForNorm { get; }

    /// <summary>How images are resampled.</summary>
    public ResamplingSettings ResamplingData { get; }

    /// <summary>How label maps are resampled.</summary>
    public ResamplingSettings ResamplingSegmentation { get; }

    /// <summary>How a network's output is resampled to the image's own grid.</summary>
    public ResamplingSettings ResamplingProbabilities { get; }

    /// <summary>Dice is computed over the whole batch instead of each sample.</summary>
    public bool BatchDice { get; }

    /// <summary>The configuration whose predictions are an additional input, for a cascade.</summary>
    public string? PreviousStage { get; }

    /// <summary>The configuration that uses this one's predictions, if any.</summary>
    public string? NextStage { get; }

    /// <summary>The channels that the network takes: the images', and in the second stage of a cascade one for each
    /// foreground label.</summary>
    public int InputChannels(DatasetJson dataset) =>
        dataset.ChannelNames.Count + (PreviousStage is null ? 0 : dataset.LabelManager.ForegroundLabels.Length);

    /// <summary>The network that the plans ask for.</summary>
    /// <exception cref="UserException">The plans describe a network in another way than nnU-Net's
    /// planners.</exception>
    public PlannedArchitecture Architecture => PlannedArchitecture.From(fields);
}
