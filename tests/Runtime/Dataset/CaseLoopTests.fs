module MedSegDsl.Tests.Runtime.CaseLoopTests

open System
open System.Collections.Concurrent
open System.Threading
open Expecto
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Tests.Runtime

let private cases n = [| for i in 0 .. n - 1 -> CaseFiles($"case{i}", [||], null) |]

/// Runs the loop; gives the cases in the order of their ends and the largest number in work at once.
let private run threads memory n bytes =
    let finished = ConcurrentQueue()
    let mutable running, most = 0, 0
    let gate = obj ()

    let work (i: int) (_: CaseFiles) =
        lock gate (fun () ->
            running <- running + 1
            most <- max most running)

        Thread.Sleep 5
        lock gate (fun () -> running <- running - 1)
        finished.Enqueue i
        bytes

    CaseLoop(threads, memory).Run(cases n, work)
    List.ofSeq finished, most

let tests =
    testList "runtime/case loop" [
        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    maxTest = 30
            }
            "every case once, within memory"
            (fun (n: byte) (threads: byte) (fit: byte) ->
                let n, threads, fit = int n % 12, int threads % 6, int fit % 5
                let finished, most = run threads (int64 fit * 100L + 50L) n 100L
                Expect.equal (List.sort finished) [ 0 .. n - 1 ] "every case once"
                Expect.isLessThanOrEqual most (max 1 (min threads fit)) "threads and memory"

                if n > 0 then
                    Expect.equal finished.Head 0 "the first case alone")

        test "the first failure is the user's" {
            let work (i: int) (_: CaseFiles) : int64 =
                if i = 3 then
                    raise (UserException "case3.nii.gz: is broken")
                else
                    1L

            TemporaryFolder.expectsLine [ "case3.nii.gz" ] (fun () -> CaseLoop(3, 1000L).Run(cases 40, work))
        }

        test "cancelling stops between cases" {
            use source = new CancellationTokenSource()
            let started = ConcurrentBag()

            let work (i: int) (_: CaseFiles) =
                started.Add i

                if i = 2 then
                    source.Cancel()

                1L

            Expect.throwsT<OperationCanceledException>
                (fun () -> CaseLoop(1, 1000L).Run(cases 40, work, null, source.Token))
                "cancelled"

            Expect.equal started.Count 3 "the rest was not begun"
        }
    ]
