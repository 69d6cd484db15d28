namespace MedSegDsl

/// Stochastic depth: the share of samples for which training leaves the branch of a residual layer out (Huang et al.
/// 2016). It rises from layer to layer.
type DropPath = {
    /// The rate of a stage's first layer.
    First: float
    /// What each further layer has more.
    Step: float
}

[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module DropPath =
    /// Nothing is left out.
    let none = { First = 0.0; Step = 0.0 }

    /// The rate of a stage's layer, counted from 0.
    let rate index (drop: DropPath) = drop.First + float index * drop.Step

    /// Rates that rise evenly from 0 to `last` over the layers of all stages, one value for each stage's depth.
    let rising (last: float) (depths: int list) =
        let layers = List.sum depths
        let step = if layers > 1 then last / float (layers - 1) else 0.0

        (0, depths)
        ||> List.mapFold (fun before depth ->
            {
                First = step * float before
                Step = step
            },
            before + depth)
        |> fst
