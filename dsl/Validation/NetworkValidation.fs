namespace MedSegDsl

/// Checks of networks.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module Network =
    /// The network, or everything wrong with it, by path.
    let validate (network: Network) : Result<Network, DslError list> =
        NetworkRules.network network |> Validation.sorted

    /// The network, or everything wrong with it for this patch (voxels), number of image channels and number of
    /// classes (background included). The patch is checked against a network that is right in itself; where a network's
    /// sizes come from the plans, with the sizes that nnU-Net would plan for the patch.
    let validateFor
        (patch: Size3, channels: int, classes: int)
        (network: Network)
        : Result<Network, DslError list> =
        validation {
            let! () = validation {
                let! resolved = UNetPlan.resolveFor patch network |> NetworkRules.network
                return! PatchRules.patch resolved patch
            }

            and! () = Rules.atLeast 1 channels |> Validation.field "channels"
            and! () = Rules.atLeast 1 classes |> Validation.field "classes"
            return network
        }
        |> Validation.sorted

    /// Which patch sizes a valid network takes. Where its sizes come from the plans, the plans' patch suits it, and the
    /// rule leaves every patch open.
    let patchRule (network: Network) : PatchRule = PatchRules.rule network

    /// The patch for a valid network: rounded up where the network's rule rounds, else as it is.
    let fitPatch (patch: Size3) (network: Network) : Size3 = PatchRules.fit network patch
