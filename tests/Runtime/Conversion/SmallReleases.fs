/// Releases of published datasets with a few small volumes, in the layout in which they are published.
module MedSegDsl.Tests.Runtime.Conversion.SmallReleases

open System.IO
open System.Text.Json.Nodes
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

/// Voxels along x, y, z.
let shape = [ 4; 5; 6 ]

let private count = List.reduce (*) shape

/// Writes a compressed NIfTI file below a folder.
let nifti (folder: string) (path: string) datatype dim values =
    let file = Path.Combine(folder, path)
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName file)) |> ignore
    File.WriteAllBytes(file, NiftiBytes.gzip (NiftiBytes.bytes (NiftiBytes.volume datatype dim values)))

let private image folder path =
    nifti folder path 4 shape (Formula.unit path count |> Array.map (fun v -> floor (v * 1000.0)))

let private labels folder path (values: int list) =
    let numbers = Formula.unit path count

    nifti
        folder
        path
        2
        shape
        (numbers
         |> Array.map (fun v -> float values[int ((v + 1.0) * 0.4999 * float values.Length)]))

/// What the reader finds in a label map or mask.
let read (file: string) =
    let struct (voxels, _, _) = MedSegDsl.Runtime.Nifti.NiftiFile.ReadLabels file
    voxels.Data

let amosLabels = [
    "background"
    "spleen"
    "right kidney"
    "left kidney"
    "gall bladder"
    "esophagus"
    "liver"
    "stomach"
    "arota"
    "postcava"
    "pancreas"
    "right adrenal gland"
    "left adrenal gland"
    "duodenum"
    "bladder"
    "prostate/uterus"
]

/// AMOS 2022 with two CT scans and one MR scan for training, one of each for validation and test.
let amos (folder: string) =
    let listed name cases =
        let entries = [
            for id: int in cases ->
                $"{{\"image\": \"./images{name}/amos_%04d{id}.nii.gz\", \"label\": \"./labels{name}/amos_%04d{id}.nii.gz\"}}"
        ]

        for id in cases do
            image folder $"images{name}/amos_%04d{id}.nii.gz"

            if name <> "Ts" then
                labels folder $"labels{name}/amos_%04d{id}.nii.gz" [ 0..15 ]

        String.concat ", " entries

    let names =
        amosLabels
        |> List.mapi (fun i name -> $"\"{i}\": \"{name}\"")
        |> String.concat ", "

    TemporaryFolder.write
        folder
        [ "dataset.json" ]
        $"""{{"labels": {{{names}}}, "training": [{listed "Tr" [ 1; 4; 507 ]}], "validation": [{listed "Va" [ 8; 530 ]}], "test": [{listed "Ts" [ 500; 541 ]}]}}"""
    |> ignore

/// BraTS 2021 with two cases.
let brats (folder: string) =
    for id in [ "BraTS2021_00000"; "BraTS2021_00002" ] do
        for sequence in [ "t1"; "t1ce"; "t2"; "flair" ] do
            image folder $"{id}/{id}_{sequence}.nii.gz"

        labels folder $"{id}/{id}_seg.nii.gz" [ 0; 1; 2; 4 ]

/// TotalSegmentator: subjects with these sets, and one mask for each class.
let totalSegmentator folder imageName (classes: string list) (subjects: (string * string) list) =
    for subject, _ in subjects do
        image folder $"{subject}/{imageName}"

        for name in classes do
            labels folder $"{subject}/segmentations/{name}.nii.gz" [ 0; 0; 0; 1 ]

    let rows = subjects |> List.map (fun (id, split) -> $"{id};60;m;{split}")

    String.concat "\n" ("image_id;age;gender;split" :: rows)
    |> TemporaryFolder.write folder [ "meta.csv" ]
    |> ignore

/// A task of the Decathlon with two channels, two training cases and one test case.
let decathlon (folder: string) =
    for path in
        [
            "imagesTr/prostate_00.nii.gz"
            "imagesTr/prostate_01.nii.gz"
            "imagesTs/prostate_03.nii.gz"
        ] do
        nifti folder path 512 (shape @ [ 2 ]) (Array.init (2 * count) (fun i -> float (i * 7 % 60000)))

    for case in [ "prostate_00"; "prostate_01" ] do
        labels folder $"labelsTr/{case}.nii.gz" [ 0; 1; 2 ]
        // macOS leaves such files in the published archive.
        TemporaryFolder.write folder [ "imagesTr"; $"._{case}.nii.gz" ] "" |> ignore

    TemporaryFolder.write
        folder
        [ "dataset.json" ]
        """{"name": "PROSTATE", "licence": "CC-BY-SA 4.0", "modality": {"0": "T2", "1": "ADC"}, "labels": {"0": "background", "1": "PZ", "2": "TZ"}, "numTraining": 2, "numTest": 1, "training": [{"image": "./imagesTr/prostate_00.nii.gz", "label": "./labelsTr/prostate_00.nii.gz"}, {"image": "./imagesTr/prostate_01.nii.gz", "label": "./labelsTr/prostate_01.nii.gz"}], "test": ["./imagesTs/prostate_03.nii.gz"]}"""
    |> ignore

/// The label lists and numbers that the runtime carries.
let private facts name =
    let assembly = typeof<MedSegDsl.Runtime.Conversion.Release>.Assembly

    use stream =
        nonNull (assembly.GetManifestResourceStream $"MedSegDsl.Runtime.Conversion.Labels.{name}.json")

    nonNull (JsonNode.Parse stream)

let private names (groups: JsonNode) = [
    for group in groups.AsObject() do
        for name in (nonNull group.Value).AsArray() -> (nonNull name).GetValue<string>()
]

/// The 117 classes of TotalSegmentator CT in the order of their numbers.
let ctClasses = lazy (names (nonNull ((facts "totalsegmentator_ct")["groups"])))

/// The classes of each version of TotalSegmentator MRI.
let mrClasses =
    lazy
        [
            for release in (nonNull ((facts "totalsegmentator_mr")["releases"])).AsArray() ->
                names (nonNull ((nonNull release)["groups"]))
        ]
