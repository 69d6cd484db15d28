/// The catalogue of networks, by name.
[<RequireQualifiedAccess>]
module MedSegDsl.Networks

open System

/// Every network: those of the paper as in its public code, then, named with `_paper`, as in the paper; then those that
/// it is compared with.
let all =
    let asInCode = UlikeMamba.all @ UlikeTrans.all

    asInCode
    @ [
        for network in asInCode -> network |> asInPaper |> named $"{network.Name}_paper"
    ]
    @ NnUNet.all
    @ UMamba.all
    @ Unetr.all
    @ [ SegFormer.threeD; CoTr.published ]
    @ MedNeXt.all

/// The names of the catalogue.
let names = [ for network in all -> network.Name ]

/// The network of that name, in upper or lower case.
let tryFind (name: string) =
    all
    |> List.tryFind (fun network -> String.Equals(network.Name, name, StringComparison.OrdinalIgnoreCase))
