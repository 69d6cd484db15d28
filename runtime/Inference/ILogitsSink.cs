namespace MedSegDsl.Runtime.Inference;

/// <summary>Takes the finished slices of an image's logits, from its first to its last.</summary>
internal interface ILogitsSink
{
    /// <summary>Takes the next slices.</summary>
    /// <param name="first">The number of the first of them.</param>
    /// <param name="slices">All classes of some slices; the sink's own from now on.</param>
    void Take(int first, Logits slices);

    /// <summary>Returns when all slices are worked up.</summary>
    void Finish();
}
