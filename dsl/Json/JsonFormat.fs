namespace MedSegDsl

open System
open System.Text.Json
open System.Text.Json.Nodes
open System.Text.Json.Serialization
open System.Text.RegularExpressions

/// Reading that never gives null.
[<AutoOpen>]
module internal JsonReading =
    let readAs<'a when 'a: not null> (reader: byref<Utf8JsonReader>, options: JsonSerializerOptions) : 'a =
        match JsonSerializer.Deserialize<'a>(&reader, options) with
        | null -> raise (JsonException $"null stands in the place of a {typeof<'a>.Name}")
        | value -> value

/// `[64, 192, 160]`.
type internal Size3Converter() =
    inherit JsonConverter<Size3>()

    override _.Write(writer, size, options) =
        JsonSerializer.Serialize(writer, Size3.toList size, options)

    override _.Read(reader, _, options) =
        let numbers = readAs<int[]>(&reader, options)
        Size3.create numbers[0] numbers[1] numbers[2]

/// A fold's number, or `"all"`.
type internal FoldConverter() =
    inherit JsonConverter<Fold>()

    override _.Write(writer, fold, _) =
        match fold with
        | Fold.Index index -> writer.WriteNumberValue index
        | Fold.All -> writer.WriteStringValue "all"

    override _.Read(reader, _, _) =
        if reader.TokenType = JsonTokenType.Number then
            Fold.Index(reader.GetInt32())
        else
            Fold.All

/// `"joinedSequence"`, or the name of a fusion.
type internal ScaleFusionConverter() =
    inherit JsonConverter<ScaleFusion>()

    override _.Write(writer, fusion, options) =
        match fusion with
        | ScaleFusion.JoinedSequence -> writer.WriteStringValue "joinedSequence"
        | ScaleFusion.Fused fusion -> JsonSerializer.Serialize(writer, fusion, options)

    override _.Read(reader, _, options) =
        if reader.ValueTextEquals "joinedSequence" then
            ScaleFusion.JoinedSequence
        else
            ScaleFusion.Fused(readAs<Fusion>(&reader, options))

/// `"fromPlans"`, or the value.
type internal PlannedConverter<'a when 'a: not null>() =
    inherit JsonConverter<Planned<'a>>()

    override _.Write(writer, planned, options) =
        match planned with
        | Planned.FromPlans -> writer.WriteStringValue "fromPlans"
        | Planned.Set value -> JsonSerializer.Serialize(writer, value, options)

    override _.Read(reader, _, options) =
        if reader.TokenType = JsonTokenType.String && reader.ValueTextEquals "fromPlans" then
            Planned.FromPlans
        else
            Planned.Set(readAs<'a>(&reader, options))

/// How definitions look in JSON: named fields in camel case, cases without fields as strings, other cases as an object
/// with the case under `type` beside its fields, lists of numbers on one line.
[<RequireQualifiedAccess>]
module internal JsonFormat =
    /// Where an object has the name of its case.
    let caseField = "type"

    /// The name of a field or case.
    let name (name: string) =
        JsonNamingPolicy.CamelCase.ConvertName name

    /// FSharp.SystemTextJson with this format.
    let options =
        let encoding =
            JsonUnionEncoding.InternalTag
            ||| JsonUnionEncoding.NamedFields
            ||| JsonUnionEncoding.UnwrapRecordCases
            ||| JsonUnionEncoding.UnwrapFieldlessTags

        let options =
            JsonSerializerOptions(
                WriteIndented = true,
                NewLine = "\n",
                PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
                NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals
            )

        options.Converters.Add(Size3Converter())
        options.Converters.Add(FoldConverter())
        options.Converters.Add(ScaleFusionConverter())
        options.Converters.Add(PlannedConverter<int>())
        options.Converters.Add(PlannedConverter<Size3>())
        options.Converters.Add(PlannedConverter<UNetSizes>())

        options.Converters.Add(
            JsonFSharpConverter(encoding, caseField, unionTagNamingPolicy = JsonNamingPolicy.CamelCase)
        )

        options

    /// Lists that hold no other list or object, on one line. A line break inside a text is escaped, so that those
    /// found here are the writer's own.
    let private compact (json: string) =
        Regex.Replace(
            json,
            @"\[\n[^\[\]{}]*\]",
            fun list ->
                Regex.Replace(
                    list.Value,
                    @"(,?)\n\s*",
                    fun stop -> if stop.Length > 1 && stop.Value[0] = ',' then ", " else ""
                )
        )

    /// The text of an object.
    let text (value: JsonObject) =
        compact (value.ToJsonString options) + "\n"
