namespace MedSegDsl

/// Something taken from the plans file, or set here.
[<RequireQualifiedAccess>]
type Planned<'a> =
    | FromPlans
    | Set of 'a
