namespace MedSegDsl

/// What a pass over one patch took on a device.
type PassFigures = {
    Milliseconds: float
    /// The most memory that network and pass held together, in bytes, where the device tells.
    PeakBytes: int64 option
}

/// Measured figures of a network; what did not run is missing.
type MeasuredFigures = {
    /// Prediction: the final class map.
    Forward: PassFigures option
    /// Forward pass with all class maps, and backward pass.
    Training: PassFigures option
}
