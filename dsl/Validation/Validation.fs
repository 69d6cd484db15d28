namespace MedSegDsl

open System
open System.Text.RegularExpressions

/// One thing wrong with a definition.
type DslError = {
    /// Where: `encoder[2].mixer.heads`; stages, kernels and orders count from 0.
    Path: string
    /// The value found there.
    Found: string
    /// What would be right.
    Right: string
} with

    /// `encoder[2].mixer.heads: 3 found; it must be a divisor of the stage's 256 channels`
    override error.ToString() =
        $"{error.Path}: {error.Found} found; it must be {error.Right}"

[<RequireQualifiedAccess>]
module DslError =
    /// Numbers compare as numbers: `encoder[2]` comes before `encoder[10]`.
    let private order error =
        Regex.Replace(error.Path, @"\d+", fun digits -> digits.Value.PadLeft(9, '0'))

    /// The errors by path.
    let sort (errors: DslError list) = errors |> List.sortBy order

    /// All errors as text, a line for each.
    let render (errors: DslError seq) =
        String.Join(Environment.NewLine, [ for error in errors -> string error ])

/// A value, or every error that was found on the way to it.
type Validation<'a> = Result<'a, DslError list>

/// Checks that gather all errors instead of stopping at the first.
[<RequireQualifiedAccess>]
module Validation =
    /// One error. An empty path is the place itself; `field` and `item` say where that is.
    let error found right : Validation<'a> =
        Error [
            {
                Path = ""
                Found = string (box found)
                Right = right
            }
        ]

    /// The unit, or an error where the condition does not hold.
    let check condition found right : Validation<unit> =
        if condition then Ok() else error found right

    /// Both values, or the errors of both.
    let both (first: Validation<'a>) (second: Validation<'b>) : Validation<'a * 'b> =
        match first, second with
        | Ok a, Ok b -> Ok(a, b)
        | Error a, Error b -> Error(a @ b)
        | Error errors, _
        | _, Error errors -> Error errors

    /// Every value, or the errors of all.
    let all (results: Validation<'a> list) : Validation<'a list> =
        List.foldBack (fun result rest -> both result rest |> Result.map List.Cons) results (Ok [])

    let private under prefix (result: Validation<'a>) : Validation<'a> =
        let join path =
            if path = "" || path[0] = '[' || prefix = "" then
                prefix + path
            else
                $"{prefix}.{path}"

        result
        |> Result.mapError (List.map (fun error -> { error with Path = join error.Path }))

    /// Puts the errors under a field: `heads` becomes `mixer.heads`.
    let field name result = under name result

    /// Puts the errors under an item of a list: `mixer.heads` becomes `[2].mixer.heads`.
    let item (index: int) result = under $"[{index}]" result

    /// Checks each item of a list with its index.
    let items rule values : Validation<'b list> =
        values |> List.mapi (fun i value -> item i (rule i value)) |> all

    /// The errors by path.
    let sorted (result: Validation<'a>) : Validation<'a> = result |> Result.mapError DslError.sort

/// `validation { let! a = … and! b = … return … }`: the errors of all clauses together.
type ValidationBuilder() =
    member _.BindReturn(result: Validation<'a>, f: 'a -> 'b) : Validation<'b> = Result.map f result
    member _.MergeSources(a: Validation<'a>, b: Validation<'b>) : Validation<'a * 'b> = Validation.both a b
    member _.Return(value: 'a) : Validation<'a> = Ok value
    member _.ReturnFrom(result: Validation<'a>) : Validation<'a> = result
    member _.Bind(result: Validation<'a>, f: 'a -> Validation<'b>) : Validation<'b> = Result.bind f result

[<AutoOpen>]
module ValidationSyntax =
    /// Gathers errors over `and!`; a later `let!` runs only where the earlier ones succeeded.
    let validation = ValidationBuilder()
