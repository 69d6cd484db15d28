/// The processes of one training, each of which runs the same command.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Workflow.Ranks

open MedSegDsl.Runtime.Distributed

/// Joins the other processes, does the work and leaves together with them. A process that fails leaves at once, which ends
/// the others.
let join (place: RankPlace) device (work: ICommunicator -> 'a) =
    use ranks = Communicators.Join(place, device)
    let result = work ranks
    ranks.Close()
    result
