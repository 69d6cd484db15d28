namespace MedSegDsl.Runtime.Training.Progress;

/// <summary>Is told what a training does; called on the training's thread, so that it must be quick.</summary>
public interface ITrainingProgress
{
    /// <summary>The training begins, or goes on.</summary>
    void Started(TrainingOverview overview);

    /// <summary>A batch is done.</summary>
    void Stepped(TrainingStep step);

    /// <summary>An epoch is done.</summary>
    /// <param name="curves">All epochs so far, this one last.</param>
    /// <param name="remaining">How long the training will still take.</param>
    void EpochEnded(Curves curves, TimeSpan remaining);

    /// <summary>Something worth a line: a checkpoint was written, a validation case predicted.</summary>
    void Noted(string line);

    /// <summary>Something that should be put right, though the training goes on.</summary>
    void Warned(string line) => Noted(line);

    /// <summary>The epochs are over, all of them or not; only notes may follow.</summary>
    void Ended();
}
