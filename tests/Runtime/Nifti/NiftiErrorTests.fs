module MedSegDsl.Tests.Runtime.NiftiErrorTests

open System
open Expecto
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Nifti
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime
open MedSegDsl.Tests.Runtime.NiftiBytes

let private nibabel = ImageReaders.ByName "NibabelIO"

let private refuses name words (content: byte[]) = test name {
    TemporaryFolder.using' (fun folder ->
        let path = save folder "bad.nii.gz" content
        TemporaryFolder.expectsLine (path :: words) (fun () -> nibabel.Read path |> ignore)
        TemporaryFolder.expectsLine (path :: words) (fun () -> nibabel.ReadLabels path |> ignore)
        TemporaryFolder.expectsLine (path :: words) (fun () -> ImageInspection.Of path |> ignore))
}

let private noise = Formula.labels "nifti" [ 60000 ] 251 |> Array.map float
let private good = volume 2 [ 60; 50; 20 ] noise

let private huge = {
    volume 64 [ 1; 1; 1 ] [| 0.0 |] with
        Version = 2
        Dim = [ 1000000L; 1000000L; 1L ]
}

let tests =
    testList "runtime/nifti/errors" [
        refuses "empty" [ "empty" ] [||]
        refuses "three bytes" [ "no NIfTI" ] [| 1uy; 2uy; 3uy |]
        refuses "text" [ "no NIfTI" ] (Text.Encoding.ASCII.GetBytes(String('x', 5000)))
        refuses "wrong magic" [ "no NIfTI"; "abc" ] (bytes { good with Magic = Some "abc\000" })
        refuses "half of a pair" [ ".hdr/.img" ] (bytes { good with Magic = Some "ni1\000" })
        refuses "ends in the header" [ "truncated"; "header" ] (Array.take 200 (bytes good))
        refuses "ends in the voxels" [ "truncated" ] (Array.take 5000 (bytes good))
        refuses "a gzip that ends early" [ "bad.nii.gz" ] (gzip (bytes good) |> Array.take 30000)
        refuses "a gzip of a truncated file" [ "truncated" ] (gzip (Array.take 5000 (bytes good)))
        refuses
            "a gzip with a wrong bit"
            [ "corrupt" ]
            (let content = gzip (bytes good)
             content[content.Length / 2] <- content[content.Length / 2] ^^^ 8uy
             content)
        refuses
            "a gzip with a wrong sum"
            [ "corrupt" ]
            (let content = gzip (bytes good)
             content[content.Length - 7] <- content[content.Length - 7] ^^^ 8uy
             content)
        refuses "a terabyte" [ "1000000"; "more than" ] (gzip (bytes huge))
        refuses
            "two gigabytes in a kilobyte"
            [ "claims" ]
            (gzip (
                bytes {
                    huge with
                        Dim = [ 2000L; 1000L; 1000L ]
                }
            ))
        refuses
            "dimensions that overflow"
            [ "claims" ]
            (bytes {
                huge with
                    Dim = [ Int64.MaxValue; Int64.MaxValue; 3L ]
            })
        refuses
            "a negative dimension"
            [ "corrupt"; "dimension 2" ]
            (bytes { good with Dim = [ 60L; -50L; 20L ] })
        refuses
            "several volumes"
            [ "4 dimensions"; "20 volumes" ]
            (bytes {
                good with
                    Dim = [ 60L; 50L; 1L; 20L ]
            })
        refuses "colours" [ "RGB" ] (bytes (volume 128 [ 2; 2; 2 ] (Array.zeroCreate 8)))
        refuses "complex numbers" [ "complex" ] (bytes (volume 32 [ 2; 2; 2 ] (Array.zeroCreate 8)))
        refuses "an unknown type" [ "type 77" ] (bytes (volume 77 [ 2; 2; 2 ] (Array.zeroCreate 8)))
        test "a quaternion longer than 1" {
            TemporaryFolder.using' (fun folder ->
                let path =
                    save
                        folder
                        "q.nii"
                        (bytes {
                            good with
                                QForm = 1, [ 1.0; 1.0; 0.0; 0.0; 0.0; 0.0 ]
                        })

                TemporaryFolder.expectsLine [ path; "quaternion" ] (fun () -> nibabel.Read path |> ignore))
        }
        test "labels with a fraction" {
            TemporaryFolder.using' (fun folder ->
                let path = save folder "l.nii" (bytes (volume 16 [ 3; 1; 1 ] [| 0.0; 1.5; 2.0 |]))
                TemporaryFolder.expectsLine [ path; "1.5" ] (fun () -> nibabel.ReadLabels path |> ignore)
                let whole = save folder "w.nii" (bytes (volume 16 [ 3; 1; 1 ] [| 0.0; 1.0; 2.0 |]))

                Expect.equal
                    (nibabel.ReadLabels whole).Voxels.Data
                    [| 0s; 1s; 2s |]
                    "whole floats are labels"

                let large = save folder "b.nii" (bytes (volume 8 [ 1; 1; 1 ] [| 40000.0 |]))
                TemporaryFolder.expectsLine [ large; "40000" ] (fun () -> nibabel.ReadLabels large |> ignore)
                let nothing = save folder "n.nii" (bytes (volume 16 [ 1; 1; 1 ] [| nan |]))

                TemporaryFolder.expectsLine [ nothing; "NaN" ] (fun () ->
                    nibabel.ReadLabels nothing |> ignore))
        }
        test "channels on different grids" {
            TemporaryFolder.using' (fun folder ->
                let a = save folder "a.nii" (bytes (volume 2 [ 2; 2; 2 ] (Array.zeroCreate 8)))
                let b = save folder "b.nii" (bytes (volume 2 [ 2; 2; 3 ] (Array.zeroCreate 12)))

                let c =
                    save
                        folder
                        "c.nii"
                        (bytes {
                            volume 2 [ 2; 2; 2 ] (Array.zeroCreate 8) with
                                Pixdim = [ 1.0; 1.0; 1.0; 2.0 ]
                        })

                TemporaryFolder.expectsLine [ b; "3 × 2 × 2"; "a.nii" ] (fun () ->
                    nibabel.ReadChannels [| a; b |] |> ignore)

                TemporaryFolder.expectsLine [ c; "spacing 2 × 1 × 1" ] (fun () ->
                    nibabel.ReadChannels [| a; c |] |> ignore)

                Expect.equal (nibabel.ReadChannels([| a; a; a |]).Voxels.Channels) 3 "stacked")
        }
        test "a missing file" {
            TemporaryFolder.expectsLine [ "/nowhere/x.nii"; "no such file" ] (fun () ->
                nibabel.Read "/nowhere/x.nii" |> ignore)
        }
    ]
