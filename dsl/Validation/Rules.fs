/// Rules on single values, each with the words for what would be right.
[<RequireQualifiedAccess>]
module internal MedSegDsl.Rules

open System
open System.Text.RegularExpressions

let atLeast minimum (value: int) =
    Validation.check (value >= minimum) value $"{minimum} or more"

let oddKernel (value: int) =
    Validation.check
        (value >= 1 && value % 2 = 1)
        value
        "odd and positive, such as 3, so that same padding exists"

let sizeAtLeast minimum (size: Size3) =
    [ "d", size.D; "h", size.H; "w", size.W ]
    |> List.map (fun (axis, value) -> atLeast minimum value |> Validation.field axis)
    |> Validation.all
    |> Result.map ignore

/// At least two kernels, odd, no two the same.
let kernels (values: int list) =
    if values.Length < 2 then
        Validation.error
            $"{values.Length} kernel(s)"
            "a list of two or more; one kernel is a plain convolution"
    else
        let rule i kernel =
            if List.contains kernel (List.take i values) then
                Validation.error kernel "a kernel that the list does not have yet"
            else
                oddKernel kernel

        Validation.items rule values |> Result.map ignore

let private number (value: float) = string value

let positive (value: float) =
    Validation.check (Double.IsFinite value && value > 0.0) (number value) "a number above 0"

let notNegative (value: float) =
    Validation.check (Double.IsFinite value && value >= 0.0) (number value) "0 or a number above"

let between low high (value: float) =
    Validation.check (value >= low && value <= high) (number value) $"a number from {low} to {high}"

let below low high (value: float) =
    Validation.check (value >= low && value < high) (number value) $"a number from {low} up to but not {high}"

/// A word that can name a folder on every system.
let name (value: string) =
    Validation.check
        (Regex.IsMatch(value, @"^[A-Za-z0-9_][A-Za-z0-9_.+\-]*\z"))
        $"'{value}'"
        "a name of letters, digits and _ . + -, since folders are called after it"

/// Not empty, and no value twice.
let distinct what (values: 'a list) =
    if values.IsEmpty then
        Validation.error "an empty list" $"a list of at least one {what}"
    else
        let rule i value =
            Validation.check
                (not (List.contains value (List.take i values)))
                value
                $"a {what} that the list does not have yet"

        Validation.items rule values |> Result.map ignore

/// `1 stage`, `2 stages`.
let stages count =
    if count = 1 then "1 stage" else $"{count} stages"

/// A decoder's stages, each of which takes the skip of one encoder stage.
let decoderLength encoder decoder =
    let right = max 1 (encoder - 1)

    Validation.check
        (decoder = right)
        (stages decoder)
        $"{stages right}, one fewer than the encoder, since each takes the skip of one encoder stage"

/// Instance norm takes statistics over a volume, and training stops where that is a single voxel.
let normedVolume norm (patch: Size3) place (lowest: VolumeShape) =
    match norm with
    | Norm.Instance
    | Norm.PlainInstance when lowest.Tokens = 1L ->
        Validation.error
            patch
            $"larger along one axis at least: instance norm needs two voxels in the lowest {place}"
    | _ -> Ok()

/// The divisors of a number that lie next to a value, for the words of an error.
let nearestDivisors (whole: int) (value: int) =
    let divisors = [
        for d in 1..whole do
            if whole % d = 0 then
                d
    ]

    let lower = divisors |> List.filter (fun d -> d < value) |> List.tryLast
    let upper = divisors |> List.tryFind (fun d -> d > value)

    match lower, upper with
    | Some l, Some u -> $"{l} or {u}"
    | Some d, None
    | None, Some d -> string d
    | None, None -> "1"
