namespace MedSegDsl.Models;

/// <summary>A part of a U-shape whose stages have position embeddings among its own parameters.</summary>
public abstract class UShapeLayer<TInput, TResult>(string name) : Layer<TInput, TResult>(name)
{
    /// <summary>Adds the position embedding of a stage, (1, D·H·W, channels); null where the network has none.</summary>
    protected LearnedPositions? AddPositions(Network network, string parameter, int channels, Size3 size)
    {
        if (network.PositionEmbedding.IsAbsent)
        {
            return null;
        }

        AddParameter(parameter, Start.SmallNormal, 1, size.Volume, channels);
        return new LearnedPositions(() => Get(parameter), size);
    }
}
