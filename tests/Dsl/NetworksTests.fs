module MedSegDsl.Tests.Dsl.NetworksTests

open Expecto
open MedSegDsl

let private find name =
    Networks.tryFind name
    |> Option.defaultWith (fun () -> failtest $"{name} is not in the catalogue")

let private shape (network: Network) =
    match network.Architecture with
    | Architecture.UShape shape -> shape
    | other -> failtest $"{network.Name} is no U-shape: {other}"

let tests =
    testList "dsl/networks" [
        testCase "the paper's names are in the catalogue, with and without _paper, and those it compares with"
        <| fun () ->
            let names = [
                "UlikeMamba_1d"
                "UlikeMamba_3d"
                for scan in [ "dual"; "dualrandom"; "tri"; "sixway" ] do
                    $"UlikeMamba_3d_{scan}"
                for scheme in 1..4 do
                    $"UlikeMamba_3d_MSv{scheme}"
                "UlikeMamba_3dMT"
                "UlikeTrans_SRA"
                "UlikeTrans_vanilla"
                for scheme in 1..3 do
                    $"UlikeTrans_SRA_MSv{scheme}"
            ]

            let others = [
                "SegFormer3D"
                "CoTr"
                for size in [ "S"; "B"; "M"; "L" ] do
                    for kernel in [ 3; 5 ] do
                        $"MedNeXt_{size}_kernel{kernel}"
            ]

            let all = [
                for name in names do
                    name
                    $"{name}_paper"
                yield! others
            ]

            for name in all do
                Expect.equal (find name).Name name "found under its name"
                Expect.equal (find (name.ToUpperInvariant())).Name name "found in capitals"

            let family = Networks.names |> List.filter (fun name -> name.StartsWith "Ulike")
            Expect.equal family.Length (2 * names.Length) "nothing else of the family"
            Expect.equal (Networks.tryFind "UlikeMamba") None "no such network"
            Expect.equal (List.distinct Networks.names) Networks.names "each name once"

        testCase "a variant is one line from its parent"
        <| fun () ->
            let multiTri =
                UlikeMamba.threeD
                |> withScan Scan.tri
                |> withMultiScale MSv4
                |> named "UlikeMamba_3dMT"

            Expect.equal multiTri (find "UlikeMamba_3dMT") "3d + tri + MSv4"

            Expect.equal
                (find "UlikeMamba_3d_MSv4" |> asInPaper |> named "")
                (UlikeMamba.threeD |> asInPaper |> withMultiScale MSv4 |> named "")
                "in the paper MSv4 is in the encoder alone"

        testCase "a half of the width halves every stage"
        <| fun () ->
            let half = UlikeMamba.threeD |> mapChannels (fun c -> c / 2) |> shape
            Expect.equal half.Stem.Channels 16 "stem"
            Expect.equal [ for s in half.Encoder -> s.Channels ] [ 24; 64; 128; 256 ] "encoder"

        testCase "fewer stages keep the skips that remain"
        <| fun () ->
            let shallow = UlikeMamba.threeD |> withStages 3
            Expect.equal [ for s in (shape shallow).Encoder -> s.Channels ] [ 48; 128; 256 ] "encoder"
            Expect.equal [ for s in (shape shallow).Decoder -> s.Depth ] [ 4; 3 ] "DS2 and DS3 are left"
            Expect.isOk (Network.validate shallow) "still a network"
    ]
