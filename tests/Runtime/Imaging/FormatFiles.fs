/// Readers, files and label maps for the tests of image formats.
module MedSegDsl.Tests.Runtime.Imaging.FormatFiles

open System
open System.IO
open Expecto
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Tests.Experiments
open MedSegDsl.Tests.Runtime

let fixture name =
    Path.Combine(RunProgram.checkout.Value, "tests", "Runtime", "Imaging", "images", name)

let itk = ImageReaders.ByName "SimpleITKIO"
let tiff = ImageReaders.ByName "Tiff3DIO"
let natural = ImageReaders.ByName "NaturalImage2DIO"

let flat (affine: float[,]) = [ for value in Seq.cast<float> affine -> value ]

let sameAffine (a: ImageGeometry) (b: ImageGeometry) message =
    for x, y in List.zip (flat a.Affine) (flat b.Affine) do
        Expect.floatClose { absolute = 1e-5; relative = 1e-6 } x y message

let put folder (name: string) (content: byte[]) =
    let file = Path.Combine(folder, name)
    File.WriteAllBytes(file, content)
    file

let refuses words action =
    TemporaryFolder.expectsLine words (fun () -> action () |> ignore)

/// A label map with these values, repeated.
let labels (shape: int[]) (values: int16 list) =
    let count = Array.fold (*) 1 shape
    ImageArray<int16>(Array.init count (fun i -> values[i % values.Length]), 1, shape)
