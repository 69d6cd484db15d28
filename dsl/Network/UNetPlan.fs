namespace MedSegDsl

/// The U-Net that a plans file describes.
type UNetPlan = {
    /// Whether its planner had the residual encoder in mind.
    Residual: bool
    Sizes: UNetSizes
}

/// From U-Nets whose sizes come from the plans to U-Nets with sizes.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module UNetPlan =
    /// No axis of a feature map gets smaller than this.
    let private smallestEdge = 4

    let private largestStage = 320

    /// The blocks of encoder stage `stage` under nnU-Net's planners (ExperimentPlanner, ResEncUNetPlanner).
    let private encoderBlocks residual stage =
        if not residual then 2
        elif stage < 3 then [ 1; 3; 4 ][stage]
        else 6

    let private decoderBlocks residual = if residual then 1 else 2

    /// Strides of a patch of isotropic spacing: the axes that are finest among those with 8 voxels or more are halved,
    /// until there are none, or one alone of fewer than 12 (get_pool_and_conv_props of MIC-DKFZ/nnUNet).
    let rec private poolings (size: int list) (halvings: int list) = [
        let isLarge = size |> List.map (fun n -> n >= 2 * smallestEdge)

        if List.contains true isLarge then
            let finest =
                List.zip isLarge halvings |> List.filter fst |> List.map snd |> List.min

            let halved = List.map2 (fun large times -> large && times = finest) isLarge halvings

            let alone = (halved |> List.filter id).Length = 1
            let edge = List.zip halved size |> List.find fst |> snd

            if not (alone && edge < 3 * smallestEdge) then
                let stride = halved |> List.map (fun isHalved -> if isHalved then 2 else 1)
                yield stride
                let left = List.map2 (fun n s -> (n + s - 1) / s) size stride
                let times = List.map2 (fun t s -> t + s - 1) halvings stride
                yield! poolings left times
    ]

    /// What nnU-Net plans for a patch of isotropic spacing: kernels of 3, channels from 32, doubled up to 320.
    let ofPatch residual (patch: Size3) =
        let strides =
            [ 1; 1; 1 ] :: poolings (Size3.toList patch) [ 0; 0; 0 ]
            |> List.map (fun axes -> Size3.create axes[0] axes[1] axes[2])

        {
            Residual = residual
            Sizes = {
                Encoder = [
                    for i, stride in List.indexed strides ->
                        {
                            Channels = min largestStage (32 <<< min i 10)
                            Stride = stride
                            Kernel = Size3.cube 3
                            Blocks = encoderBlocks residual i
                        }
                ]
                Decoder = [ for _ in List.tail strides -> decoderBlocks residual ]
            }
        }

    /// U-Mamba has one block in the lower half of the encoder and in the upper half of the decoder, whatever the plans say.
    let private thinned (sizes: UNetSizes) =
        let count = sizes.Encoder.Length

        {
            Encoder = [
                for i, stage in List.indexed sizes.Encoder ->
                    if i >= (count + 1) / 2 then
                        { stage with Blocks = 1 }
                    else
                        stage
            ]
            Decoder = [
                for i, blocks in List.indexed sizes.Decoder -> if i >= (count + 1) / 2 then 1 else blocks
            ]
        }

    /// A plan for the other kind of encoder gives channels, strides and kernels; the blocks are those of nnU-Net's planner.
    let private sizes (plan: UNetPlan) (net: UNet) =
        let residual = (net.Encoder = UNetEncoder.Residual)

        let suited =
            if residual = plan.Residual then
                plan.Sizes
            else
                {
                    Encoder = [
                        for i, stage in List.indexed plan.Sizes.Encoder ->
                            {
                                stage with
                                    Blocks = encoderBlocks residual i
                            }
                    ]
                    Decoder = [ for _ in plan.Sizes.Decoder -> decoderBlocks residual ]
                }

        if net.Encoder = UNetEncoder.UMamba then
            thinned suited
        else
            suited

    let private resolveBy plan (network: Network) =
        match network.Architecture with
        | Architecture.UNet({ Sizes = Planned.FromPlans } as net) -> {
            network with
                Architecture =
                    Architecture.UNet {
                        net with
                            Sizes = Planned.Set(sizes (plan net) net)
                    }
          }
        | _ -> network

    /// Whether the network's sizes come from the plans.
    let isNeeded (network: Network) =
        match network.Architecture with
        | Architecture.UNet { Sizes = Planned.FromPlans } -> true
        | _ -> false

    /// The network with the sizes of a plan; one that needs no plan stays as it is.
    let resolve (plan: UNetPlan) (network: Network) : Network = resolveBy (fun _ -> plan) network

    /// The network with the sizes that nnU-Net would plan for a patch of isotropic spacing; one that needs no plan stays
    /// as it is.
    let resolveFor (patch: Size3) (network: Network) : Network =
        network
        |> resolveBy (fun net -> ofPatch (net.Encoder = UNetEncoder.Residual) patch)
