namespace MedSegDsl.Runtime.Training;

/// <summary>A training was asked to stop, has saved where it is, and can go on from there; the message says from what.</summary>
public sealed class TrainingInterruptedException(string message) : Exception(message);
