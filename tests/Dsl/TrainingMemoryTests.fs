module MedSegDsl.Tests.Dsl.TrainingMemoryTests

open Expecto
open FsCheck
open MedSegDsl

let private network = UlikeMamba.multiTri
let private input = Size3.create 64 160 160, 1, 16
let private gibibyte = 1L <<< 30

let private bytes batch (patch: Size3) =
    TrainingMemory.estimate 4 batch (patch, 1, 16) network |> Option.get

let tests =
    testList "dsl/training memory" [
        test "each patch takes the same, beside what the parameters take" {
            let patch, _, _ = input
            Expect.equal (bytes 3 patch - bytes 2 patch) (bytes 2 patch - bytes 1 patch) "a patch more"
            Expect.isGreaterThan (bytes 1 patch) (bytes 2 patch - bytes 1 patch) "and the parameters"
        }

        test "the published patch takes about what was measured" {
            let patch, _, _ = input
            // docs/performance.md: 8.1 GiB on the H200, where the mixers compute parts of their activations twice.
            Expect.isLessThan (bytes 2 patch) (10L * gibibyte) "two patches"
            Expect.isGreaterThan (bytes 2 patch) (6L * gibibyte) "and not much less"
        }

        testProperty "what is found fits, and one more patch would not" (fun (PositiveInt tenths) ->
            let patch, _, _ = input
            let limit = int64 tenths * gibibyte / 10L

            match TrainingMemory.within limit 4 8 input network with
            | Some(SmallerSetting.Batch batch) ->
                bytes batch patch <= limit && (batch = 7 || bytes (batch + 1) patch > limit)
            | Some(SmallerSetting.Patch smaller) -> bytes 1 smaller <= limit && bytes 1 patch > limit
            | None -> bytes 1 (Size3.create 32 64 64) > limit)

        test "where nothing fits, nothing is found" {
            Expect.isNone (TrainingMemory.within 1000L 4 2 input network) "a kilobyte"
        }
    ]
