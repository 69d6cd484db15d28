/// A raw dataset of a few small volumes, and ways to break it.
module MedSegDsl.Tests.Runtime.SmallDataset

open System.IO
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

let name = "Dataset042_Small"
let shape = [| 12; 14; 16 |]

let private geometry = ImageGeometry.FromSpacing [| 2.0; 1.0; 1.5 |]
let private reader = ImageReaders.ByName "NibabelIO"

let image folder (file: string) (shape: int[]) spacing (values: float32[]) =
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName(Path.Combine(folder, file))))
    |> ignore

    reader.Write(
        Path.Combine(folder, file),
        ImageArray<float32>(values, 1, shape),
        ImageGeometry.FromSpacing spacing
    )

let voxels key =
    Formula.unit key (Array.fold (*) 1 shape)
    |> Array.map (fun v -> float32 (v + 2.0))

let labels key =
    Formula.blobs key (List.ofArray shape) 3 [ 4; 4; 4 ] |> Array.map int16

let dataset =
    """{"channel_names": {"0": "T1", "1": "CT"}, "labels": {"background": 0, "a": 1, "b": 2}, "numTraining": 3, "file_ending": ".nii.gz", "overwrite_image_reader_writer": "NibabelIO"}"""

let cases = [ "c1"; "c2"; "c3" ]

/// Writes the dataset below `root/raw` and gives the folders.
let create root =
    let raw = Path.Combine(root, "raw", name)
    TemporaryFolder.write raw [ "dataset.json" ] dataset |> ignore

    for case in cases do
        for channel in 0..1 do
            image
                raw
                $"imagesTr/{case}_000{channel}.nii.gz"
                shape
                [| 2.0; 1.0; 1.5 |]
                (voxels $"{case}/{channel}")

        Directory.CreateDirectory(Path.Combine(raw, "labelsTr")) |> ignore

        reader.WriteLabels(
            Path.Combine(raw, "labelsTr", case + ".nii.gz"),
            ImageArray<int16>(labels case, 1, shape),
            geometry
        )

    raw, NnUNetFolders(Path.Combine(root, "raw"), Path.Combine(root, "pre"), null)
