module MedSegDsl.Tests.Dsl.CostTests

open System.Text.Json
open Expecto
open MedSegDsl
open MedSegDsl.Tests.Golden

let private find name =
    Networks.tryFind name
    |> Option.defaultWith (fun () -> failtest $"{name} is not in the catalogue")

let private costOf input network =
    match NetworkCost.ofNetwork input network with
    | Ok cost -> cost
    | Error errors -> failtest (DslError.render errors)

let private isTrained (entry: JsonElement) =
    match entry.TryGetProperty "kind" with
    | true, _ -> false
    | false, _ -> true

/// The published networks: their parameters come out of the definition, name by name.
let golden =
    testList "golden/networks/definition" [
        for file in Folder.manifests [ "networks" ] do
            let manifest = Folder.read file

            match PublishedNetworks.candidates manifest with
            | [] -> ()
            | network :: _ ->
                test $"{System.IO.Path.GetFileNameWithoutExtension file} has the published parameters" {
                    let cost =
                        network
                        |> costOf (
                            PublishedNetworks.patch manifest,
                            manifest.GetProperty("in_channels").GetInt32(),
                            manifest.GetProperty("classes").GetInt32()
                        )

                    let parameters = cost.Total.Parameters

                    let expected =
                        Map [
                            for entry in manifest.GetProperty("parameters").EnumerateObject() do
                                if isTrained entry.Value then
                                    entry.Name, Expectations.intList (entry.Value.GetProperty "shape")
                        ]

                    let actual = Map [ for p in parameters -> p.Name, p.Shape ]
                    Expect.equal actual.Count parameters.Length "no name twice"

                    Expect.equal
                        (Set actual.Keys - Set expected.Keys, Set expected.Keys - Set actual.Keys)
                        (Set.empty, Set.empty)
                        "names that only the definition has, names that it lacks"

                    for entry in expected do
                        Expect.equal actual[entry.Key] entry.Value $"shape of {entry.Key}"

                    let count = parameters |> List.sumBy _.Count
                    Expect.equal count (manifest.GetProperty("parameter_count").GetInt64()) "numbers"
                }
    ]

let private total name =
    (find name |> costOf (Size3.cube 128, 1, 16)).Total

let private multiplyAdds =
    // Worked out from the paper's definitions at 1 × 128³ and 16 classes.
    [
        "UlikeTrans_SRA_paper", 64.01
        "UlikeMamba_3d_paper", 45.83
        "UlikeMamba_3d_dual_paper", 49.36
        "UlikeMamba_3d_tri_paper", 52.88
        "UlikeMamba_1d_paper", 44.67
        "UlikeMamba_3d_MSv4_paper", 62.03
        "UlikeMamba_3dMT_paper", 92.89
        "UlikeTrans_SRA_MSv2_paper", 116.37
    ]

let private row name (row: Row) =
    let cost = find name |> costOf (Size3.create 64 192 160, 1, 16)
    cost.Rows |> List.find (fun r -> r.Row = row)

let tests =
    testList "dsl/cost" [
        for name, expected in multiplyAdds do
            testCase $"{name} takes {expected} G multiply-adds"
            <| fun () ->
                let actual = float (total name).MultiplyAdds / 1e9
                Expect.isLessThan (abs (actual - expected)) 0.01 $"{actual} G"

        testCase "the stages of an AMOS patch have the sizes of the paper's table"
        <| fun () ->
            let check r size reduction =
                let row = row "UlikeMamba_3d" r
                Expect.equal row.Output.Size size $"size of {r}"
                Expect.equal row.Reduction reduction $"reduction of {r}"

            check Row.Stem (Size3.create 64 96 80) (Size3.create 1 2 2)
            check (Row.Encoder 0) (Size3.create 32 48 40) (Size3.create 2 4 4)
            check (Row.Encoder 3) (Size3.create 4 6 5) (Size3.create 16 32 32)
            check (Row.Decoder 0) (Size3.create 8 12 10) (Size3.create 8 16 16)
            check (Row.Decoder 2) (Size3.create 32 48 40) (Size3.create 2 4 4)
            check Row.LastUpsampling (Size3.create 64 96 80) (Size3.create 1 2 2)
            check Row.Head (Size3.create 64 192 160) (Size3.cube 1)

        testCase "an attention layer keeps its matrix, a shared scan none of its copies' parameters"
        <| fun () ->
            let sra = row "UlikeTrans_SRA" (Row.Encoder 0)
            let vanilla = row "UlikeTrans_vanilla" (Row.Encoder 0)
            let tokens = 32L * 48L * 40L
            let shrunk = 5L * 8L * 6L
            // Two layers with one head; the reduction's own two volumes and the smaller keys and values go the other way.
            let difference =
                2L * (tokens * tokens - tokens * shrunk + 48L * (2L * tokens - 4L * shrunk))

            Expect.equal (vanilla.Cost.Kept - sra.Cost.Kept) difference "kept numbers"
            let shared = UlikeMamba.tri |> withSsm SsmParameters.Shared

            let count network =
                (costOf (Size3.cube 32, 1, 2) network).Total

            Expect.equal (count shared).MultiplyAdds (count UlikeMamba.tri).MultiplyAdds "same work"

            let perLayer c =
                2L
                * (16L * 2L * c
                   + 2L * c
                   + (c + 15L) / 16L * 2L * c
                   + 2L * c
                   + ((c + 15L) / 16L + 32L) * 2L * c)

            let unused =
                5L * perLayer 48L + 7L * perLayer 128L + 7L * perLayer 256L + 3L * perLayer 512L

            Expect.equal
                ((count UlikeMamba.tri).ParameterCount - (count shared).ParameterCount)
                unused
                "A, D, x_proj, dt_proj of two orders in every layer"

        testCase "one more class costs one more row of each classifier"
        <| fun () ->
            let cost classes =
                (UlikeMamba.threeD |> costOf (Size3.cube 32, 1, classes)).Total

            Expect.equal
                ((cost 4).ParameterCount - (cost 3).ParameterCount)
                (2L * (32L + 1L) + 48L + 1L + 128L + 1L + 256L + 1L)
                "head, and deep supervision on 32, 48, 128, 256 channels"

        testCase "every U-shape of the catalogue has as many rows as the paper's table"
        <| fun () ->
            for network in Networks.all do
                if network.Architecture.IsUShape then
                    let cost = network |> costOf (Size3.cube 128, 2, 5)
                    Expect.equal cost.Rows.Length 11 network.Name

        testCase "no network of the catalogue has a parameter twice"
        <| fun () ->
            for network in Networks.all do
                let cost = network |> costOf (Size3.cube 128, 2, 5)
                let names = [ for p in cost.Total.Parameters -> p.Name ]
                Expect.equal (List.distinct names).Length names.Length network.Name
    ]
