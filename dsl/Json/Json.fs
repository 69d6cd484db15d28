/// Definitions as JSON: what a results folder keeps, and what it is read from again.
[<RequireQualifiedAccess>]
module MedSegDsl.Json

open System.Text.Json
open System.Text.Json.Nodes

/// The layout that is written, and the only one that is read. It changes whenever an old text would read differently.
let version = 2

let private head = [ "version"; "kind" ]

let private write (kind: string) (definition: 'a) =
    let whole = JsonObject()
    whole["version"] <- JsonValue.Create version
    whole["kind"] <- JsonValue.Create kind

    match JsonSerializer.SerializeToNode(definition, JsonFormat.options) with
    | :? JsonObject as fields ->
        for field in List.ofSeq fields do
            fields.Remove field.Key |> ignore
            whole[field.Key] <- field.Value
    | _ -> ()

    JsonFormat.text whole

let private field (name: string) (root: JsonElement) isRight right =
    match root.TryGetProperty name with
    | true, value -> Validation.check (isRight value) (value.GetRawText()) right
    | false, _ -> Validation.error "nothing" right
    |> Validation.field name

let private check<'a when 'a: not null> (kind: string) (root: JsonElement) : Validation<'a> =
    let isVersion (value: JsonElement) =
        value.ValueKind = JsonValueKind.Number && value.GetRawText() = string version

    let isKind (value: JsonElement) =
        value.ValueKind = JsonValueKind.String && value.ValueEquals kind

    if root.ValueKind <> JsonValueKind.Object then
        Validation.error "no object" $"an object with version, kind and the fields of the {kind}"
    else
        validation {
            let! () =
                field "version" root isVersion $"{version}, the layout that this program reads"

            let! () = field "kind" root isKind $"\"{kind}\""
            let! () = JsonCheck.object head typeof<'a> root

            return!
                match root.Deserialize<'a> JsonFormat.options with
                | null -> Validation.error "null" $"a {kind}"
                | definition -> Ok definition
        }

let private read<'a when 'a: not null> kind (json: string) : Result<'a, DslError list> =
    try
        use document =
            JsonDocument.Parse(json, JsonDocumentOptions(AllowDuplicateProperties = false))

        check<'a> kind document.RootElement |> Validation.sorted
    with :? JsonException as error ->
        let path =
            if error.LineNumber.HasValue then
                $"line {error.LineNumber.Value + 1L}"
            else
                ""

        Error [
            {
                Path = path
                Found = "a text that is no JSON"
                Right = $"well formed ({error.Message})"
            }
        ]

/// A network as JSON, ending in a newline.
let ofNetwork (network: Network) = write "network" network

/// The network in a text that `ofNetwork` wrote, or every difference from one, by path. What the numbers say is left
/// to `Network.validate`.
let toNetwork (json: string) : Result<Network, DslError list> = read "network" json

/// An experiment as JSON, ending in a newline.
let ofExperiment (experiment: Experiment) = write "experiment" experiment

/// The experiment in a text that `ofExperiment` wrote, or every difference from one, by path. What the numbers say is
/// left to `Experiment.validate`.
let toExperiment (json: string) : Result<Experiment, DslError list> = read "experiment" json
