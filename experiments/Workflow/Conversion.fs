/// Conversion of published datasets to nnU-Net's raw format, with progress on the console.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Workflow.Conversion

open System
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Conversion
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Experiments.Console

/// Each release that can be converted: its word on the command line, and what looks at its folder.
let releases: (string * (string -> Release)) list = [
    "amos", Amos2022.FindCt
    "amos-ct-mr", Amos2022.FindCtAndMr
    "totalsegmentator", TotalSegmentator.FindCt
    "totalsegmentator-mri", TotalSegmentator.FindMr
    "brats", BraTS2021.Find
    "msd", MedicalDecathlon.Find
]

/// The words of all releases.
let names = List.map fst releases

/// Looks at the folder of a release.
let find name folder =
    match List.tryFind (fun (known, _) -> known = name) releases with
    | Some(_, find) -> find folder
    | None ->
        let known = String.concat ", " names
        raise (UserException $"{name} is no release that can be converted; there are {known}")

/// Converts a release. All that is missing is printed, a line each, before anything is written.
let convert (folders: NnUNetFolders) (release: Release) (options: ConversionOptions) =
    for problem in release.Problems do
        eprintfn "missing: %s" problem

    for warning in release.Warnings do
        eprintfn "warning: %s" warning

    if release.Problems.Count > 0 && not options.Partial then
        raise (
            UserException
                $"{release.Folder}: is no whole release of {release.Title} ({release.Problems.Count} lines above); --partial converts the cases that are whole"
        )

    let conversion = ReleaseConversion(release, folders, options)

    CaseBar.run $"converting {conversion.DatasetName}" (fun report ->
        conversion.Run(
            {
                new IProgress<CaseProgress> with
                    member _.Report progress =
                        report progress.Done progress.Total progress.CaseId
            }
        ))
