namespace MedSegDsl.Runtime.Training.Optimization;

/// <summary>The learning rate over the epochs, set once at the start of each; epochs count from 0.</summary>
public static class LearningRate
{
    /// <summary>The rate of an epoch.</summary>
    /// <param name="schedule">Polynomial is nnU-Net's, exponent 0.9; cosine falls to its minimum at the last epoch's end;
    /// a warm-up reaches the initial rate in its last epoch, and the next schedule begins with it.</param>
    /// <param name="initial">The optimizer's rate.</param>
    /// <param name="epoch">0 … epochs − 1.</param>
    /// <param name="epochs">The length of the whole training.</param>
    public static double At(Schedule schedule, double initial, int epoch, int epochs)
    {
        var done = (double)epoch / epochs;
        return schedule switch
        {
            Schedule.WarmUp w when epoch < w.epochs => initial * (epoch + 1) / w.epochs,
            Schedule.WarmUp w => At(w.next, initial, epoch - w.epochs, epochs - w.epochs),
            Schedule.Polynomial p => initial * Math.Pow(1 - done, p.exponent),
            Schedule.Cosine c => c.minimum + (initial - c.minimum) * (1 + Math.Cos(Math.PI * done)) / 2,
            _ => initial,
        };
    }

    /// <summary>The rate that an optimizer starts with.</summary>
    public static double Initial(Optimizer optimizer) => optimizer switch
    {
        Optimizer.SgdNesterov sgd => sgd.learningRate,
        Optimizer.Adam adam => adam.learningRate,
        Optimizer.AdamW adam => adam.learningRate,
        Optimizer.AdamWAmsGrad adam => adam.learningRate,
        _ => throw new ArgumentOutOfRangeException(nameof(optimizer)),
    };
}
