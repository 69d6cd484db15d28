namespace MedSegDsl

/// What takes less memory than a setting that does not fit.
[<RequireQualifiedAccess>]
type SmallerSetting =
    /// The same patch, fewer of them in a batch.
    | Batch of int
    /// A batch of one smaller patch.
    | Patch of Size3

/// A training step's memory, from the definition: activations and parameters, without workspaces and without what an allocator
/// breaks up.
[<RequireQualifiedAccess>]
module TrainingMemory =
    // In float32: weights, gradients, and up to two moments of the optimizer.
    let private bytesPerParameter = 16L

    /// Bytes of a step with a batch of patches (voxels), image channels and classes, activations in numbers of so many bytes;
    /// nothing where the network does not take the patch.
    let estimate
        bytesPerNumber
        batch
        (patch: Size3, channels: int, classes: int)
        (network: Network)
        : int64 option =
        match NetworkCost.ofNetwork (patch, channels, classes) network with
        | Ok cost ->
            let total = cost.Total

            Some(
                int64 batch * int64 bytesPerNumber * total.Kept
                + bytesPerParameter * total.ParameterCount
            )
        | Error _ -> None

    /// The largest batch below this one that the estimate puts within the limit (bytes), else the largest smaller patch of the
    /// same proportions; nothing where none is found.
    let within
        (limit: int64)
        bytesPerNumber
        batch
        (patch: Size3, channels: int, classes: int)
        network
        : SmallerSetting option =
        let fits batch patch =
            match estimate bytesPerNumber batch (patch, channels, classes) network with
            | Some bytes -> bytes <= limit
            | None -> false

        let voxels size =
            Size3.toList size |> List.map int64 |> List.reduce (*)

        // Sixteenths of each axis, rounded to what networks that halve a patch five times take, and four times.
        let patches =
            Seq.allPairs (seq { 15..-1..4 }) [ 32; 16 ]
            |> Seq.map (fun (sixteenths, multiple) ->
                let scaled axis =
                    max 1 (axis * sixteenths / 16 / multiple) * multiple

                let smaller = {
                    D = (if patch.D = 1 then 1 else scaled patch.D)
                    H = scaled patch.H
                    W = scaled patch.W
                }

                Network.fitPatch smaller network)
            |> Seq.filter (fun smaller -> voxels smaller < voxels patch)

        seq { batch - 1 .. -1 .. 1 }
        |> Seq.tryFind (fun smaller -> fits smaller patch)
        |> Option.map SmallerSetting.Batch
        |> Option.orElseWith (fun () -> patches |> Seq.tryFind (fits 1) |> Option.map SmallerSetting.Patch)
