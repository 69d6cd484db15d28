/// Comparison with the descriptions of arrays in the pipeline's golden files (tests/golden/pipeline/README.md).
module MedSegDsl.Tests.Golden.Expectations

open System
open System.Globalization
open System.Text.Json
open Expecto

/// A JSON number, or the words NaN, Infinity, -Infinity.
let number (element: JsonElement) =
    match element.ValueKind with
    | JsonValueKind.String -> Double.Parse(string (element.GetString()), CultureInfo.InvariantCulture)
    | _ -> element.GetDouble()

let numbers (element: JsonElement) = [| for e in element.EnumerateArray() -> number e |]
let ints (element: JsonElement) = [| for e in element.EnumerateArray() -> e.GetInt32() |]
let intList (element: JsonElement) = List.ofArray (ints element)

/// |actual − expected| ≤ tolerance · (1 + scale); NaN only matches NaN.
let close tolerance scale expected actual name =
    let equal =
        if Double.IsNaN expected then Double.IsNaN actual
        elif Double.IsInfinity expected then actual = expected
        else abs (actual - expected) <= tolerance * (1.0 + scale)

    Expect.isTrue equal $"{name}: expected {expected}, got {actual}, tolerance {tolerance} · (1 + {scale})"

/// Compares a float array in C order with its description: shape, mean, norm and samples.
let matchesFloats tolerance (expected: JsonElement) (shape: int seq) (actual: float[]) name =
    Expect.equal (List.ofSeq shape) (intList (expected.GetProperty "shape")) $"{name}: shape"
    let samples = numbers (expected.GetProperty "samples")
    let stride = expected.GetProperty("stride").GetInt32()
    Expect.equal ((actual.Length + stride - 1) / stride) samples.Length $"{name}: number of samples"
    let scale = samples |> Array.map abs |> Array.max

    samples
    |> Array.iteri (fun i s -> close tolerance scale s actual[i * stride] $"{name}: sample {i}")

    let mean = number (expected.GetProperty "mean")
    let norm = number (expected.GetProperty "norm")
    close tolerance (abs mean) mean (Array.average actual) $"{name}: mean"
    close tolerance norm norm (sqrt (Array.sumBy (fun x -> x * x) actual)) $"{name}: norm"

/// IEEE CRC-32 of the values as little-endian int16.
let crc32 (values: int[]) =
    let table =
        Array.init 256 (fun n ->
            let mutable c = uint32 n

            for _ in 0..7 do
                c <- if c &&& 1u = 1u then 0xEDB88320u ^^^ (c >>> 1) else c >>> 1

            c)

    let mutable crc = 0xFFFFFFFFu

    for value in values do
        let bits = uint16 (int16 value)

        for b in [| byte bits; byte (bits >>> 8) |] do
            crc <- table[int ((crc ^^^ uint32 b) &&& 0xFFu)] ^^^ (crc >>> 8)

    crc ^^^ 0xFFFFFFFFu

/// Compares an integer array in C order with its description: equal by CRC, or different by ties only (counts by at
/// most 0.5 % of the voxels in all, at most 1 % of the samples).
let matchesLabels (expected: JsonElement) (shape: int seq) (actual: int[]) name =
    Expect.equal (List.ofSeq shape) (intList (expected.GetProperty "shape")) $"{name}: shape"

    if crc32 actual <> expected.GetProperty("crc32").GetUInt32() then
        let counts = actual |> Array.countBy id |> Map.ofArray

        let expectedCounts =
            Map [
                for p in expected.GetProperty("counts").EnumerateObject() -> int p.Name, p.Value.GetInt32()
            ]

        let difference =
            Seq.append counts.Keys expectedCounts.Keys
            |> Seq.distinct
            |> Seq.sumBy (fun label ->
                let of' (m: Map<int, int>) =
                    Map.tryFind label m |> Option.defaultValue 0

                abs (of' counts - of' expectedCounts))

        Expect.isLessThanOrEqual
            (float difference)
            (0.005 * float actual.Length)
            $"{name}: label counts differ"

        let samples = ints (expected.GetProperty "samples")
        let stride = expected.GetProperty("stride").GetInt32()

        let wrong =
            samples
            |> Array.mapi (fun i s -> if actual[i * stride] = s then 0 else 1)
            |> Array.sum

        Expect.isLessThanOrEqual (float wrong) (0.01 * float samples.Length) $"{name}: samples differ"
