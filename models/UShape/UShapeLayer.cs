namespace MedSegDsl.Models;

/// <summary>A part of a U-shape whose stages have position embeddings among its own parameters.</summary>
public abstract class UShapeLayer<TInput, TResult>(string name) : Layer<TInput, TResult>(name)
{
    /// <summary>Adds the position embedding of a stage, (1, D·H·W, C); null where the network has none.</summary>
    protected LearnedPositions? AddPositions(UShape shape, string parameter, VolumeShape volume)
    {
        if (shape.PositionEmbedding.IsAbsent)
        {
            return null;
        }

        AddParameter(parameter, Start.SmallNormal, 1, volume.Tokens, volume.Channels);
        return new LearnedPositions(() => Get(parameter), volume.Size);
    }
}
