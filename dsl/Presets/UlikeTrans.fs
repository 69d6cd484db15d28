/// The paper's UlikeTrans networks as the public code (uakhan17/Mamba3D-MedSeg) has them: trilinear decoder, no bias in
/// its q and kv layers. `asInPaper` makes the paper's version of each.
[<RequireQualifiedAccess>]
module MedSegDsl.UlikeTrans

let private layer bias epsilon =
    Mixer.Attention {
        Heads = 1
        Reduction = 1
        FeedForwardRatio = 4
        QkvBias = bias
        NormEpsilon = epsilon
    }

/// UlikeTrans_SRA: spatial-reduction attention, reductions 6, 4, 2, 1 in ES1–ES4 and 2, 4, 6 in DS1–DS3.
let sra =
    UShape.create "UlikeTrans_SRA"
    |> mapEncoder (fun _ stage -> { stage with Mixer = layer true 1e-6 })
    |> mapDecoder (fun _ stage -> { stage with Mixer = layer false 1e-5 })
    |> withHeadsAndReductions [ 1, 6; 2, 4; 4, 2; 8, 1 ] [ 8, 2; 4, 4; 2, 6 ]

/// UlikeTrans_vanilla: full attention in every stage.
let vanilla =
    sra
    |> mapAttention (fun mixer -> { mixer with Reduction = 1 })
    |> named "UlikeTrans_vanilla"

/// UlikeTrans_SRA with MSv1 in ES1 and ES2.
let sraMsv1 = sra |> withMultiScale MSv1 |> named "UlikeTrans_SRA_MSv1"

/// UlikeTrans_SRA with MSv2 in ES1 and ES2.
let sraMsv2 = sra |> withMultiScale MSv2 |> named "UlikeTrans_SRA_MSv2"

/// UlikeTrans_SRA with MSv3 in ES1 and ES2.
let sraMsv3 = sra |> withMultiScale MSv3 |> named "UlikeTrans_SRA_MSv3"

/// Every network of this module, as in the public code.
let all = [ sra; vanilla; sraMsv1; sraMsv2; sraMsv3 ]
