/// The processes of one training, each of which runs the same command.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Workflow.Ranks

open MedSegDsl.Runtime.Distributed
open MedSegDsl.Runtime.Training

/// Joins the other processes, does the work and leaves together with them; also where all were asked to stop. A process
/// that fails in another way leaves at once, which ends the others.
let join (place: RankPlace) device (work: ICommunicator -> 'a) =
    use ranks = Communicators.Join(place, device)

    try
        let result = work ranks
        ranks.Close()
        result
    with :? TrainingInterruptedException ->
        ranks.Close()
        reraise ()
