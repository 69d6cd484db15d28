/// Which networks of the catalogue a manifest may be about. A manifest does not say what plan a U-Net was made for: its
/// sizes are read from the shapes of its parameters and maps.
module MedSegDsl.Tests.Golden.PublishedNetworks

open System.Text.Json
open System.Text.RegularExpressions
open MedSegDsl

let private shapes (manifest: JsonElement) = [
    for p in manifest.GetProperty("parameters").EnumerateObject() ->
        p.Name, Expectations.intList (p.Value.GetProperty "shape")
]

let private size =
    function
    | [ d; h; w ] -> Size3.create d h w
    | other -> failwith $"{other} has not three axes"

/// The manifest's patch.
let patch (manifest: JsonElement) =
    size (Expectations.intList (manifest.GetProperty "patch"))

/// The numbers that a pattern's first group has in the names, each once.
let private numbers pattern names =
    names
    |> List.choose (fun (name: string) ->
        let found = Regex.Match(name, pattern)

        if found.Success then
            Some(int found.Groups[1].Value)
        else
            None)
    |> List.distinct

let private stage named index stride =
    let start = Regex.Escape $"encoder.stages.{index}."

    let kernels =
        named
        |> List.filter (fun (name: string, shape) ->
            Regex.IsMatch(name, $"^{start}") && List.length shape = 5)
        |> List.map snd

    let largest axis =
        kernels |> List.map (List.item axis) |> List.max

    {
        Channels = List.head (List.last kernels)
        Stride = stride
        Kernel = Size3.create (largest 2) (largest 3) (largest 4)
        Blocks = (List.map fst named |> numbers $@"^{start}(?:0\.convs\.|blocks\.)?(\d+)\.").Length
    }

/// The strides that take a volume down, the deepest first tried.
let private strides (below: Size3) = [
    for d in [ 2; 1 ] do
        for h in [ 2; 1 ] do
            for w in [ 2; 1 ] do
                if below.D % d = 0 && below.H % h = 0 && below.W % w = 0 then
                    Size3.create d h w
]

let private over (a: Size3) (b: Size3) = Size3.map2 (/) a b

/// The bottleneck's stride: a transposed convolution has it in its shape, a layer over channels its number of voxels;
/// else it may be any.
let private lowestStrides named (lowest: Size3) stages channels =
    let shape name =
        named |> List.tryFind (fun (n, _) -> n = name) |> Option.map snd

    match shape "decoder.transpconvs.0.weight", shape $"encoder.mamba_layers.{stages - 1}.norm.weight" with
    | Some weight, _ -> [ size (List.skip 2 weight) ]
    | None, Some [ features ] when features <> channels ->
        strides lowest
        |> List.filter (fun stride ->
            let bottleneck = over lowest stride
            bottleneck.Volume = int64 features)
    | _ -> strides lowest

let private sizesOf manifest =
    let named = shapes manifest

    let maps = [
        for map in manifest.GetProperty("outputs").EnumerateArray() ->
            Expectations.intList (map.GetProperty "shape") |> List.skip 2 |> size
    ]

    let upper = List.map2 over (patch manifest :: List.take (maps.Length - 1) maps) maps

    let stages =
        1 + List.max (List.map fst named |> numbers @"^encoder\.stages\.(\d+)\.")

    let decoder = [
        for index in 0 .. stages - 2 ->
            (List.map fst named |> numbers $@"^decoder\.stages\.{index}\.(?:convs\.)?(\d+)\.").Length
    ]

    let channels = (stage named (stages - 1) (Size3.cube 1)).Channels

    [
        for lowest in lowestStrides named (List.last maps) stages channels ->
            {
                Encoder = List.mapi (stage named) (upper @ [ lowest ])
                Decoder = decoder
            }
    ]

/// The networks that the manifest may be about: none where the catalogue does not have it, several where something that
/// only the numbers tell is open.
let candidates (manifest: JsonElement) =
    match Networks.tryFind (string (manifest.GetProperty("network").GetString())) with
    | None -> []
    | Some network when UNetPlan.isNeeded network -> [
        for sizes in sizesOf manifest ->
            network |> mapUNet (fun net -> { net with Sizes = Planned.Set sizes })
      ]
    | Some network -> [ network ]
