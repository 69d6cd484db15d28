/// SIGTERM, with which schedulers announce that they take the machine away.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Console.Preemption

open System.Runtime.InteropServices
open System.Threading

/// Runs something with a token that SIGTERM cancels, instead of ending the program.
let listen (run: CancellationToken -> 'a) =
    use asked = new CancellationTokenSource()

    use _ =
        PosixSignalRegistration.Create(
            PosixSignal.SIGTERM,
            fun signal ->
                signal.Cancel <- true
                asked.Cancel()
        )

    run asked.Token
