/// SIGTERM or SIGUSR1, with which schedulers announce that they take the machine away: mpirun ends its processes soon after
/// the first, and passes on the second.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Console.Preemption

open System.Runtime.InteropServices
open System.Threading

/// Linux's number of SIGUSR1, which .NET has no name for.
let private user1 = enum<PosixSignal> 10

/// Runs something with a token that the signals cancel, instead of ending the program.
let listen (run: CancellationToken -> 'a) =
    use asked = new CancellationTokenSource()

    let on signal =
        PosixSignalRegistration.Create(
            signal,
            fun context ->
                context.Cancel <- true
                asked.Cancel()
        )

    use _ = on PosixSignal.SIGTERM
    use _ = on user1

    run asked.Token
