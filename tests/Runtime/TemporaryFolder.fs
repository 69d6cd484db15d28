/// Folders of a test's own, gone after it.
module MedSegDsl.Tests.Runtime.TemporaryFolder

open System
open System.IO
open Expecto
open MedSegDsl.Runtime

/// Runs a function with an empty folder.
let using' run =
    let folder = Directory.CreateTempSubdirectory "medseg-"

    try
        run folder.FullName
    finally
        folder.Delete true

/// Writes a text file below a folder; missing folders are made.
let write (folder: string) (parts: string list) (text: string) =
    let path = Path.Combine(Array.ofList (folder :: parts))
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
    File.WriteAllText(path, text)
    path

/// Expects the one line that a user sees, with all these words in it.
let expectsLine (words: string list) (action: unit -> unit) =
    let line =
        try
            action ()
            None
        with :? UserException as error ->
            Some error.Message

    match line with
    | None -> failtest "no error was raised"
    | Some line ->
        Expect.isFalse (line.Contains '\n') $"one line: {line}"

        for word in words do
            Expect.stringContains line word "the line names it"
