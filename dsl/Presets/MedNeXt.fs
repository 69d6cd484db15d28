/// MedNeXt as published (Roy et al., MICCAI 2023; MIC-DKFZ/MedNeXt, create_mednext_v1): sizes S, B, M and L, kernels 3 and 5.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module MedSegDsl.MedNeXt

/// The layers and the expansion of each stage from the highest resolution to the lowest; the decoder has them in reverse.
let private create size kernel (depths: int list) (expansions: int list) =
    let block expansion : MedNeXtBlock = {
        Kernel = kernel
        Expansion = expansion
    }

    let stage (depth, expansion) : MedNeXtStage = {
        Resampling = block expansion
        Depth = depth
        Mixer = Mixer.MedNeXt(block expansion)
    }

    let stages = List.zip depths expansions
    let depth, expansion = List.head stages

    {
        Name = $"MedNeXt_{size}_kernel{kernel}"
        Architecture =
            Architecture.MedNeXt {
                Channels = 32
                Depth = depth
                Mixer = Mixer.MedNeXt(block expansion)
                Encoder = stages |> List.tail |> List.map stage
                Decoder = stages |> List.rev |> List.tail |> List.map stage
            }
        Norm = Norm.Instance
        Activation = Activation.GELU
        Initialisation = Initialisation.Mamba
        DeepSupervision = true
    }

/// MedNeXt-S, the kernel along each axis given.
let small kernel =
    create "S" kernel [ 2; 2; 2; 2; 2 ] [ 2; 2; 2; 2; 2 ]

/// MedNeXt-B.
let basic kernel =
    create "B" kernel [ 2; 2; 2; 2; 2 ] [ 2; 3; 4; 4; 4 ]

/// MedNeXt-M.
let medium kernel =
    create "M" kernel [ 3; 4; 4; 4; 4 ] [ 2; 3; 4; 4; 4 ]

/// MedNeXt-L.
let large kernel =
    create "L" kernel [ 3; 4; 8; 8; 8 ] [ 3; 4; 8; 8; 8 ]

/// Every size with kernels 3 and 5.
let all = [
    for kernel in [ 3; 5 ] do
        for size in [ small; basic; medium; large ] -> size kernel
]
