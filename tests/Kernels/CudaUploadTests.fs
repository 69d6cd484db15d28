module MedSegDsl.Tests.Kernels.CudaUploadTests

open Expecto
open TorchSharp
open MedSegDsl.Kernels.Cuda
open MedSegDsl.Tests.Kernels.CudaTensors

let tests =
    testList "cuda/uploads" [
        gpuTest "batches of several sizes arrive in order while the GPU computes" (fun () ->
            use scope = torch.NewDisposeScope()
            use uploads = new DeviceUploads(0)
            let busy = normal torch.float32 [ 2048L; 2048L ]

            let batches = [
                for i in 0..9 ->
                    torch
                        .ones([| int64 (3 + i % 4) * 500000L; 2L |])
                        .mul(torch.tensor (float32 i))
                        .pin_memory()
            ]

            let largestDifferences = [
                for i, batch in List.indexed batches do
                    let copy = uploads.Upload batch
                    // A step's work: the copy is read at its end.
                    let mutable product = busy

                    for _ in 1..20 do
                        product <- product.mm(busy).mul(torch.tensor (0.01f, device = busy.device))

                    (copy - torch.tensor (float32 i, device = copy.device)).abs().max()
            ]

            for i, difference in List.indexed largestDifferences do
                Expect.equal (difference.item<float32>()) 0.0f $"batch {i}")
    ]
