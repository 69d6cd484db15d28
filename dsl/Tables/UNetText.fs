/// The words for the rows of a U-Net.
[<RequireQualifiedAccess>]
module internal MedSegDsl.UNetText

/// `Conv: K=3, C=64, S=2`.
let private convolution kernel channels stride =
    $"Conv: K={LayerText.size kernel}, C={channels}, S={LayerText.size stride}"

let private skip (block: UNetBlock) =
    let strided = block.Stride <> Size3.cube 1
    let projection = $"Conv: K=1, C={block.Output.Channels}"

    match block.Kind with
    | UNetBlockKind.Projected -> $"Add: {projection}, S={LayerText.size block.Stride} of the input"
    | _ ->
        let parts = [
            if strided then
                $"average pooling {LayerText.size block.Stride}"
            if block.Inputs <> block.Output.Channels then
                projection
        ]

        if parts.IsEmpty then
            "Add: input"
        else
            $"""Add: {String.concat ", " parts} of the input"""

let private block (block: UNetBlock) =
    let channels = block.Output.Channels
    let first = convolution block.Kernel channels block.Stride

    match block.Kind with
    | UNetBlockKind.Plain -> [ first ]
    | UNetBlockKind.Residual
    | UNetBlockKind.Projected -> [ first; convolution block.Kernel channels (Size3.cube 1); skip block ]

/// What is the same several times over stands once.
let private repeated texts =
    let grouped =
        (texts, [])
        ||> List.foldBack (fun text groups ->
            match groups with
            | (same, times) :: rest when same = text -> (same, times + 1) :: rest
            | _ -> (text, 1) :: groups)

    [
        for lines, times in grouped do
            match lines, times with
            | [ line ], 1 -> TableLine.Text line
            | _ -> TableLine.Repeated(lines, times)
    ]

let private layers (layers: UNetLayer list) = [
    for mixer, same in layers |> List.groupBy _.Mixer do
        let volume = same.Head.Volume

        match mixer with
        | Mixer.UMamba umamba when UMambaMixer.hasChannelTokens umamba volume ->
            TableLine.Text "Channels as tokens"
            LayerText.layers (UMambaMixer.tokens umamba volume).Channels same.Length mixer
        | _ -> LayerText.layers volume.Channels same.Length mixer
]

let private stage blocks stageLayers =
    repeated (List.map block blocks) @ layers stageLayers

let private upsampling (up: UNetUpsampling) =
    let stride = LayerText.size up.Stride

    if up.IsTransposed then
        $"TransConv: K={stride}, C={up.Output.Channels}, S={stride}"
    else
        $"Nearest: ×{stride}, Conv: K=1, C={up.Output.Channels}"

let private decoder (layout: UNetLayout) index (place: UNetDecoderPlace) = [
    TableLine.Text(upsampling place.Upsampling)
    TableLine.Text $"Join: {Row.title (Row.Encoder(layout.Encoder.Length - 2 - index))}"
    yield! stage place.Blocks place.Layers
]

/// What a U-Net with these sizes has in a row; nothing where it has no such row.
let configuration (cost: NetworkCost) (net: UNet) (sizes: UNetSizes) row =
    let layout = UNetLayout.infer (cost.Output.Size, 1) net sizes

    let inStage index places text =
        places |> List.tryItem index |> Option.map text |> Option.defaultValue []

    match row with
    | Row.Stem -> stage layout.Stem []
    | Row.Encoder index ->
        inStage index layout.Encoder (fun (place: UNetEncoderPlace) -> stage place.Blocks place.Layers)
    | Row.Decoder index -> inStage index layout.Decoder (decoder layout index)
    | Row.Head -> [ TableLine.Text $"Conv: K=1, C={cost.Output.Channels}" ]
    | Row.DeepSupervision when cost.Network.DeepSupervision && layout.Decoder.Length > 1 -> [
        TableLine.Text $"Conv: K=1, C={cost.Output.Channels} on DS1–DS{layout.Decoder.Length - 1}"
      ]
    | _ -> []
