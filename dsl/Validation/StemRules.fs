/// What a stem must keep to.
[<RequireQualifiedAccess>]
module internal MedSegDsl.StemRules

/// All errors of a stem.
let stem (stem: Stem) = validation {
    let! () = Rules.atLeast 1 stem.Channels |> Validation.field "channels"
    and! () = Rules.oddKernel stem.Kernel |> Validation.field "kernel"
    and! () = Rules.sizeAtLeast 1 stem.Stride |> Validation.field "stride"
    return ()
}
