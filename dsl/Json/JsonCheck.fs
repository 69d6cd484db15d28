/// Compares JSON with the types that it should be read as, so that reading reports every error with its path.
/// FSharp.SystemTextJson stops at the first, does not say where it is, and passes over unknown fields.
[<RequireQualifiedAccess>]
module internal MedSegDsl.JsonCheck

open System
open System.Text.Json
open Microsoft.FSharp.Reflection

let private caseName (case: UnionCaseInfo) = JsonFormat.name case.Name

let private listed (names: string seq) = String.concat ", " names

let private isGeneric (definition: Type) (ty: Type) =
    ty.IsGenericType && ty.GetGenericTypeDefinition() = definition

/// What must stand where a value of the type is read.
let rec private describe (ty: Type) =
    if ty = typeof<int> then
        "a whole number"
    elif ty = typeof<float> then
        "a number"
    elif ty = typeof<bool> then
        "true or false"
    elif ty = typeof<string> then
        "a text"
    elif ty = typeof<Size3> then
        "a list of three whole numbers, [depth, height, width]"
    elif ty = typeof<Fold> then
        "a whole number or \"all\""
    elif ty = typeof<ScaleFusion> then
        let fusions = FSharpType.GetUnionCases typeof<Fusion> |> Seq.map caseName
        $"one of joinedSequence, {listed fusions}"
    elif isGeneric typedefof<Planned<_>> ty then
        $"\"fromPlans\" or {describe ty.GenericTypeArguments[0]}"
    elif isGeneric typedefof<_ list> ty then
        "a list"
    elif FSharpType.IsRecord ty then
        "an object"
    else
        let cases = FSharpType.GetUnionCases ty

        let plain = [
            for case in cases do
                if case.GetFields().Length = 0 then
                    caseName case
        ]

        let full = [
            for case in cases do
                if case.GetFields().Length > 0 then
                    caseName case
        ]

        [
            if not plain.IsEmpty then
                $"one of {listed plain}"
            if not full.IsEmpty then
                $"an object whose {JsonFormat.caseField} is one of {listed full}"
        ]
        |> String.concat ", or "

let private found (element: JsonElement) =
    let text = element.GetRawText().ReplaceLineEndings " "

    if text.Length <= 40 then
        text
    else
        $"{text.Substring(0, 37)}..."

let private isInt (element: JsonElement) =
    element.ValueKind = JsonValueKind.Number && fst (element.TryGetInt32())

let private isText (value: string) (element: JsonElement) =
    element.ValueKind = JsonValueKind.String && element.ValueEquals value

let private isFloat (element: JsonElement) =
    element.ValueKind = JsonValueKind.Number
    || List.exists (fun literal -> isText literal element) [ "NaN"; "Infinity"; "-Infinity" ]

let private isSize (element: JsonElement) =
    element.ValueKind = JsonValueKind.Array
    && element.GetArrayLength() = 3
    && Seq.forall isInt (element.EnumerateArray())

let private expect ty isRight element =
    Validation.check (isRight element) (found element) (describe ty)

let rec private value (ty: Type) (element: JsonElement) : Validation<unit> =
    if ty = typeof<int> then
        expect ty isInt element
    elif ty = typeof<float> then
        expect ty isFloat element
    elif ty = typeof<bool> then
        expect ty (fun e -> e.ValueKind = JsonValueKind.True || e.ValueKind = JsonValueKind.False) element
    elif ty = typeof<string> then
        expect ty (fun e -> e.ValueKind = JsonValueKind.String) element
    elif ty = typeof<Size3> then
        expect ty isSize element
    elif ty = typeof<Fold> then
        expect ty (fun e -> isInt e || isText "all" e) element
    elif ty = typeof<ScaleFusion> then
        let isFusion = value typeof<Fusion> >> Result.isOk
        expect ty (fun e -> isText "joinedSequence" e || isFusion e) element
    elif isGeneric typedefof<Planned<_>> ty then
        let content = ty.GenericTypeArguments[0]

        if FSharpType.IsRecord content && element.ValueKind = JsonValueKind.Object then
            value content element
        else
            expect ty (fun e -> isText "fromPlans" e || value content e |> Result.isOk) element
    elif isGeneric typedefof<_ list> ty then
        list ty element
    elif FSharpType.IsRecord ty then
        record [] ty element
    else
        union ty element

and private list ty element =
    if element.ValueKind <> JsonValueKind.Array then
        expect ty (fun _ -> false) element
    else
        List.ofSeq (element.EnumerateArray())
        |> Validation.items (fun _ item -> value ty.GenericTypeArguments[0] item)
        |> Result.map ignore

/// The fields of an object: each one that there should be, and no other beside those passed over.
and private fields passedOver (expected: (string * Type) list) (element: JsonElement) =
    let names = List.map fst expected

    let present = [
        for name, ty in expected do
            match element.TryGetProperty name with
            | true, content -> value ty content |> Validation.field name
            | false, _ -> Validation.error "nothing" (describe ty) |> Validation.field name
    ]

    let unknown = [
        for property in element.EnumerateObject() do
            if not (List.contains property.Name (passedOver @ names)) then
                Validation.error "an unknown field" $"one of {listed names}"
                |> Validation.field property.Name
    ]

    Validation.all (present @ unknown) |> Result.map ignore

and private record passedOver ty element =
    if element.ValueKind <> JsonValueKind.Object then
        expect ty (fun _ -> false) element
    else
        let expected = [
            for field in FSharpType.GetRecordFields ty -> JsonFormat.name field.Name, field.PropertyType
        ]

        fields passedOver expected element

and private union ty element =
    let cases = FSharpType.GetUnionCases ty |> List.ofArray

    let named (text: JsonElement) isRight =
        cases
        |> List.tryFind (fun case -> isText (caseName case) text && isRight (case.GetFields().Length))

    match element.ValueKind with
    | JsonValueKind.String -> expect ty (fun e -> (named e (fun count -> count = 0)).IsSome) element
    | JsonValueKind.Object ->
        match element.TryGetProperty JsonFormat.caseField with
        | false, _ ->
            Validation.error "nothing" (describe ty)
            |> Validation.field JsonFormat.caseField
        | true, case ->
            match named case (fun count -> count > 0) with
            | None -> expect ty (fun _ -> false) case |> Validation.field JsonFormat.caseField
            | Some case ->
                match case.GetFields() with
                | [| single |] when FSharpType.IsRecord single.PropertyType ->
                    record [ JsonFormat.caseField ] single.PropertyType element
                | several ->
                    let expected = [ for field in several -> JsonFormat.name field.Name, field.PropertyType ]
                    fields [ JsonFormat.caseField ] expected element
    | _ -> expect ty (fun _ -> false) element

/// Every difference between the JSON object and the record type; the names in `passedOver` are no fields of it.
let object passedOver (ty: Type) (element: JsonElement) = record passedOver ty element
