module MedSegDsl.Tests.Dsl.JsonTests

open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Expecto
open FsCheck
open FsCheck.FSharp
open MedSegDsl

/// Texts with what JSON escapes and what the writer's layout looks for; numbers that equal themselves.
let private arbitraries =
    let text =
        Gen.elements [ ""; "UlikeMamba_3d"; "a \"b\""; "[\n 1,\n 2 ]"; "[1,  2]"; "é\\{}" ]

    let number =
        ArbMap.defaults
        |> ArbMap.generate<NormalFloat>
        |> Gen.map (fun (NormalFloat value) -> value)

    ArbMap.defaults
    |> ArbMap.mergeArb (Arb.fromGen text)
    |> ArbMap.mergeArb (Arb.fromGen number)

let private any<'a> = ArbMap.generate<'a> arbitraries |> Gen.resize 8 |> Arb.fromGen

let private attention =
    Mixer.Attention {
        Heads = 8
        Reduction = 2
        FeedForwardRatio = 4
        QkvBias = false
        NormEpsilon = 1e-5
    }

let private experiment =
    Experiment.create
        { Id = 218; Name = "AMOS2022" }
        (UlikeMamba.multiTri
         |> withMultiScale MSv1
         |> mapDecoder (fun i stage -> if i = 0 then { stage with Mixer = attention } else stage))
    |> asInUlikeMambaTrainer
    |> withFolds [ 0; 1 ]
    |> withPatch (Size3.create 64 192 160)
    |> titled "AMOS"

let private paths =
    function
    | Ok _ -> []
    | Error(errors: DslError list) -> [ for error in errors -> error.Path ]

let private changed (change: JsonObject -> unit) (json: string) =
    let root = (JsonNode.Parse json |> Option.ofObj |> Option.get).AsObject()
    change root
    root.ToJsonString()

let private node (path: string) (root: JsonObject) : JsonNode =
    (root :> JsonNode, path.Split '.')
    ||> Seq.fold (fun node part ->
        let child =
            match System.Int32.TryParse part with
            | true, index -> node[index]
            | false, _ -> node[part]

        child
        |> Option.ofObj
        |> Option.defaultWith (fun () -> failtest $"no {part} in {path}"))

/// Every object in the JSON, with its path.
let rec private objects path (node: JsonNode | null) : (string * JsonObject) list =
    match node with
    | :? JsonObject as o -> [
        path, o
        for field in o do
            yield! objects (if path = "" then field.Key else $"{path}.{field.Key}") field.Value
      ]
    | :? JsonArray as a -> [
        for i, item in Seq.indexed a do
            yield! objects $"{path}[{i}]" item
      ]
    | _ -> []

let tests =
    testList "dsl/json" [
        testProperty "any network reads back as itself"
        <| Prop.forAll any<Network> (fun network ->
            Expect.equal (Json.toNetwork (Json.ofNetwork network)) (Ok network) "")

        testProperty "any experiment reads back as itself"
        <| Prop.forAll any<Experiment> (fun experiment ->
            Expect.equal (Json.toExperiment (Json.ofExperiment experiment)) (Ok experiment) "")

        testCase "the text of an experiment is as checked in, and reads as it"
        <| fun () ->
            let file = Path.Combine(__SOURCE_DIRECTORY__, "expected", "experiment.json")

            Expect.equal
                (Json.ofExperiment experiment)
                (File.ReadAllText file)
                "a layout that changes needs a version of its own"

            Expect.equal (Json.toExperiment (File.ReadAllText file)) (Ok experiment) "reads back"

        testCase "an unknown field is an error in every object"
        <| fun () ->
            let json = Json.ofExperiment experiment
            let places = [ for path, _ in objects "" (JsonNode.Parse json) -> path ]
            Expect.isGreaterThan places.Length 30 "objects"

            for path in places do
                let surplus =
                    json
                    |> changed (fun root ->
                        let _, place = objects "" root |> List.find (fun (p, _) -> p = path)
                        place["surplus"] <- JsonValue.Create 1)

                Expect.equal
                    (paths (Json.toExperiment surplus))
                    [ (if path = "" then "surplus" else $"{path}.surplus") ]
                    path

        testCase "a missing field is an error in every object"
        <| fun () ->
            let json = Json.ofExperiment experiment

            for path, place in objects "" (JsonNode.Parse json) do
                for field in [ for field in place -> field.Key ] do
                    let missing =
                        json
                        |> changed (fun root ->
                            let _, place = objects "" root |> List.find (fun (p, _) -> p = path)
                            place.Remove field |> ignore)

                    Expect.equal
                        (paths (Json.toExperiment missing))
                        [ (if path = "" then field else $"{path}.{field}") ]
                        $"{path} without {field}"

        testCase "errors come all at once and say what would be right"
        <| fun () ->
            let wrong =
                Json.ofExperiment experiment
                |> changed (fun root ->
                    root["epochs"] <- JsonValue.Create 1.5
                    root["batch"] <- JsonValue.Create "two"
                    root["folds"] <- JsonArray(JsonValue.Create 0, JsonValue.Create "every")

                    (node "network.architecture.stem" root)["stride"] <-
                        JsonArray(JsonValue.Create 1, JsonValue.Create 2)

                    (node "network.architecture.encoder.1.mixer" root)["type"] <- JsonValue.Create "memba"
                    (node "network" root)["norm"] <- JsonValue.Create "layer"
                    (node "network.architecture.decoder.0.mixer" root)["qkvBias"] <- null)

            let text =
                match Json.toExperiment wrong with
                | Ok _ -> ""
                | Error errors -> DslError.render errors

            Expect.equal
                text
                (String.concat System.Environment.NewLine [
                    "batch: \"two\" found; it must be \"fromPlans\" or a whole number"
                    "epochs: 1.5 found; it must be a whole number"
                    "folds[1]: \"every\" found; it must be a whole number or \"all\""
                    "network.architecture.decoder[0].mixer.qkvBias: null found; it must be true or false"
                    "network.architecture.encoder[1].mixer.type: \"memba\" found; it must be an object whose type is one of mamba, uMamba, attention, plainConvolution, residualConvolution, swin, vit, ux, mixTransformer, deformableAttention, medNeXt"
                    "network.architecture.stem.stride: [1,2] found; it must be a list of three whole numbers, [depth, height, width]"
                    "network.norm: \"layer\" found; it must be one of instance, plainInstance, batch, or an object whose type is one of group"
                ])
                "text"

        testCase "another version, another kind, and a text that is no JSON are refused"
        <| fun () ->
            let json = Json.ofNetwork UlikeMamba.threeD

            for version in [ Json.version - 1; Json.version + 1 ] do
                let other =
                    json |> changed (fun root -> root["version"] <- JsonValue.Create version)

                Expect.equal (paths (Json.toNetwork other)) [ "version" ] "an older version, a later one"

            Expect.equal (paths (Json.toExperiment json)) [ "kind" ] "a network is no experiment"
            Expect.equal (paths (Json.toNetwork "[1]")) [ "" ] "a list"
            Expect.equal (paths (Json.toNetwork "{\n\"version\": }")) [ "line 2" ] "broken off"

            Expect.isError
                (Json.toNetwork (json.Replace("\"depth\": 2", "\"depth\": 2, \"depth\": 3")))
                "a field twice"

            Expect.isError (Json.toNetwork "") "empty"
    ]
