namespace MedSegDsl.Runtime.Measurement;

/// <summary>What one pass over one patch took on a device.</summary>
/// <param name="Milliseconds">The median over the passes after the first.</param>
/// <param name="PeakBytes">The most memory that network and pass held together; null where the device does not tell.</param>
public sealed record StepFigures(double Milliseconds, long? PeakBytes);

/// <summary>The figures of a network; a part is null where it did not run, for want of memory for instance.</summary>
/// <param name="Device">The device, in words.</param>
/// <param name="Forward">Prediction: the final class map alone.</param>
/// <param name="Training">Forward pass with all class maps, and backward pass.</param>
public sealed record NetworkFigures(string Device, StepFigures? Forward, StepFigures? Training);
