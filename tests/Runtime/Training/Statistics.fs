/// Whether random draws have the distribution that they should. Seeds are fixed, and the bounds are four standard errors.
module MedSegDsl.Tests.Runtime.Training.Statistics

open System
open Expecto

/// The share of a yes among independent answers.
let share (expected: float) (answers: bool seq) name =
    let answers = Seq.toArray answers

    let found =
        float (answers |> Array.filter id |> Array.length) / float answers.Length

    let error = sqrt (expected * (1.0 - expected) / float answers.Length)

    Expect.isLessThanOrEqual
        (abs (found - expected))
        (4.0 * error + 1e-9)
        $"{name}: a share of {expected} expected, {found} of {answers.Length} found"

/// Uniform between two numbers, each value measured with an error of at most the tolerance.
let uniform (low: float) (high: float) tolerance (values: float seq) name =
    let values = Seq.toArray values
    Expect.isGreaterThan values.Length 20 $"{name}: values"
    let width = high - low
    let count = float values.Length
    Expect.isGreaterThanOrEqual (Array.min values) (low - tolerance) $"{name}: lowest"
    Expect.isLessThanOrEqual (Array.max values) (high + tolerance) $"{name}: highest"
    Expect.isLessThan (Array.min values) (low + 8.0 * width / count + tolerance) $"{name}: reaches down"
    Expect.isGreaterThan (Array.max values) (high - 8.0 * width / count - tolerance) $"{name}: reaches up"

    Expect.isLessThan
        (abs (Array.average values - (low + high) / 2.0))
        (4.0 * width / sqrt (12.0 * count) + tolerance)
        $"{name}: mean {Array.average values}"

    let middle =
        values |> Array.filter (fun v -> abs (v - (low + high) / 2.0) < width / 4.0)

    Expect.isLessThan
        (abs (float middle.Length / count - 0.5))
        (2.0 / sqrt count + 2.0 * tolerance / width)
        $"{name}: half of the values in the middle half"

/// A factor: below and above 1 equally often, uniform on either side.
let aroundOne low high tolerance (values: float seq) name =
    let below, above = values |> Seq.toArray |> Array.partition (fun v -> v < 1.0)
    share 0.5 [ for v in values -> v < 1.0 ] $"{name}: below 1"
    uniform low 1.0 tolerance below $"{name}, below 1"
    uniform 1.0 high tolerance above $"{name}, above 1"

/// Normal with mean 0.
let normal (deviation: float) (values: float seq) name =
    let values = Seq.toArray values
    let count = float values.Length

    Expect.isLessThan
        (abs (Array.average values))
        (4.0 * deviation / sqrt count)
        $"{name}: mean {Array.average values}"

    let found = sqrt (Array.averageBy (fun v -> v * v) values)

    Expect.isLessThan
        (abs (found - deviation))
        (4.0 * deviation / sqrt (2.0 * count))
        $"{name}: deviation {found}"

    share 0.6827 [ for v in values -> abs v < deviation ] $"{name}: within one deviation"
