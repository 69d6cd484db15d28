namespace MedSegDsl

/// Checks of networks.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module Network =
    /// The network, or everything wrong with it, by path.
    let validate (network: Network) : Result<Network, DslError list> =
        NetworkRules.network network |> Validation.sorted

    /// The network, or everything wrong with it for this patch (voxels), number of image channels and number of
    /// classes (background included). The patch is checked against a network that is right in itself.
    let validateFor
        (patch: Size3, channels: int, classes: int)
        (network: Network)
        : Result<Network, DslError list> =
        validation {
            let! network = validation {
                let! network = NetworkRules.network network
                let! () = PatchRules.patch network patch
                return network
            }

            and! () = Rules.atLeast 1 channels |> Validation.field "channels"
            and! () = Rules.atLeast 1 classes |> Validation.field "classes"
            return network
        }
        |> Validation.sorted

    /// Which patch sizes a valid network takes.
    let patchRule (network: Network) : PatchRule = PatchRules.rule network

    /// The patch for a valid network: rounded up where the network's rule rounds, else as it is.
    let fitPatch (patch: Size3) (network: Network) : Size3 = PatchRules.fit network patch
