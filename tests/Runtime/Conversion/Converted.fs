/// Releases made for a test, and the raw datasets made of them.
module MedSegDsl.Tests.Runtime.Conversion.Converted

open System.IO
open Expecto
open MedSegDsl.Runtime.Conversion
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Planning
open MedSegDsl.Tests.Runtime

let folders root =
    NnUNetFolders(Path.Combine(root, "raw"), Path.Combine(root, "pre"), null)

let partial = ConversionOptions(Partial = true, Threads = 2)

let convert root (release: Release) =
    ReleaseConversion(release, folders root, partial).Run()

/// A release made in its own folder, what is found there, and the raw dataset made of it.
let converted name make (find: string -> Release) check =
    TemporaryFolder.using' (fun root ->
        let source = Path.Combine(root, "source", name)
        Directory.CreateDirectory source |> ignore
        make source
        let made = convert root (find source)
        check source made)

let files folder =
    if Directory.Exists folder then
        Directory.GetFiles folder
        |> Array.map (fun file -> string (Path.GetFileName file))
        |> Array.sort
        |> List.ofArray
    else
        []

/// nnU-Net's check of the whole dataset finds nothing.
let isSound (made: ConversionResult) =
    let dataset = DatasetJson.ReadFrom made.Folder
    let cases = CaseList.Training(made.Folder, dataset)

    let report =
        DatasetIntegrity.Check(dataset, cases, ImageReaders.For(dataset, cases[0].Images[0]), CaseLoop(1, 1L))

    Expect.isEmpty report.Problems "the integrity check finds nothing"
    Expect.equal dataset.TrainingCases made.Training "numTraining"
    dataset

let sameBytes source target =
    Expect.equal (File.ReadAllBytes target) (File.ReadAllBytes source) $"{target} is a copy"
