/// This program itself, for those who start it again: a measured network's process, a task of a job array.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Workflow.OwnProgram

open System
open System.IO
open System.Reflection

/// The words that start `medseg`, from a script and from tests too: its own executable, or .NET's with `medseg.dll`.
let words =
    let library = Assembly.GetExecutingAssembly().Location
    let executable = Path.Combine(nonNull (Path.GetDirectoryName library), "medseg")

    match Environment.ProcessPath with
    | NonNull path when Path.GetFileName path = "dotnet" -> [ path; library ]
    | _ when File.Exists executable -> [ executable ]
    | _ -> [ "dotnet"; library ]
