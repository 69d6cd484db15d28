namespace MedSegDsl.Tests.Runtime.Training

open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Progress

/// Listens to a training, to what a test is interested in.
type Listener() =
    member val OnStep: TrainingStep -> unit = ignore with get, set
    member val OnEpoch: Curves -> unit = ignore with get, set
    member val OnNote: string -> unit = ignore with get, set
    member val OnWarning: string -> unit = ignore with get, set

    /// Prints a line for each step and each note, for the test that has started this process.
    static member Printer =
        Listener(OnStep = (fun _ -> printfn "step"), OnNote = printfn "%s") :> ITrainingProgress

    interface ITrainingProgress with
        member _.Started _ = ()
        member this.Stepped step = this.OnStep step
        member this.EpochEnded(curves, _) = this.OnEpoch curves
        member this.Noted note = this.OnNote note
        member this.Warned warning = this.OnWarning warning
        member _.Ended() = ()
