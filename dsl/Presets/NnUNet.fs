/// nnU-Net's own networks (MIC-DKFZ/nnUNet, dynamic-network-architectures): sizes come from the plans. The residual
/// encoder's M, L and XL are one network; their planners give L and XL larger patches and batches.
[<RequireQualifiedAccess>]
module MedSegDsl.NnUNet

let internal create name encoder decoder = {
    Name = name
    Architecture =
        Architecture.UNet {
            Sizes = Planned.FromPlans
            Encoder = encoder
            EncoderLayers = []
            Decoder = decoder
            DecoderLayers = []
        }
    Norm = Norm.Instance
    Activation = Activation.LeakyReLU 0.01
    Initialisation = Initialisation.He
    DeepSupervision = true
}

/// The plain U-Net.
let plain = create "nnUNet" UNetEncoder.Plain UNetDecoder.Plain

/// The residual encoder under the plans of nnUNetPlannerResEncM.
let resEncM = create "nnUNetResEncM" UNetEncoder.Residual UNetDecoder.Plain

/// The residual encoder under the plans of nnUNetPlannerResEncL.
let resEncL = resEncM |> named "nnUNetResEncL"

/// The residual encoder under the plans of nnUNetPlannerResEncXL.
let resEncXL = resEncM |> named "nnUNetResEncXL"

/// Every network of this module.
let all = [ plain; resEncM; resEncL; resEncXL ]
