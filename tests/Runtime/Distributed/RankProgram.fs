/// What a process does when a test starts the test program as one of several ranks.
module MedSegDsl.Tests.Runtime.Distributed.RankProgram

open System
open System.IO
open System.Text
open System.Threading
open Expecto
open TorchSharp
open MedSegDsl
open MedSegDsl.Experiments
open MedSegDsl.Experiments.Console
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Distributed
open MedSegDsl.Runtime.Distributed.Control
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Checkpoints
open MedSegDsl.Runtime.Training.Progress
open MedSegDsl.Tests.Runtime.Training

/// The word that makes the test program a rank.
let word = "--rank"

let private cases = SmallTraining.cases "training" 0 3

let private train (variant: SmallTraining.Variant) experiment goOn folder asked =
    let setup = SmallTraining.setupOf variant 1 experiment 1 folder cases
    use _ = setup.Network

    let progress: ITrainingProgress =
        if variant.Ranks.Size > 1 && variant.Ranks.Rank = 0 then
            Listener.Printer
        else
            SilentProgress()

    use trainer = new Trainer(setup, progress)
    trainer.Begin goOn
    trainer.Run(CancellationToken.None, asked)
    trainer.Curves

/// The optimizer's state after two steps is the second step's gradient, which was summed during the backward pass.
let private twoSteps =
    SmallTraining.experiment
    |> withAugmentation Augmentation.off
    |> withOptimizer (Optimizer.SgdNesterov(1e-3, 0.0, 0.0))
    |> withEpochs 1<epoch>
    |> withIterations 2 2
    |> fun experiment -> {
        experiment with
            GradientClipping = 1e9
    }

let private withIgnored =
    LabelManager(
        [|
            LabelEntry("background", [| 0 |], false)
            LabelEntry("shell", [| 1 |], false)
            LabelEntry("ignore", [| 2 |], false)
        |],
        null
    )

let private withRegions =
    LabelManager(
        [|
            LabelEntry("background", [| 0 |], false)
            LabelEntry("ball", [| 1; 2 |], true)
            LabelEntry("core", [| 2 |], true)
            LabelEntry("ignore", [| 3 |], false)
        |],
        [| 1; 2 |]
    )

/// Batches that two ranks share: equal parts and Dice over the batch; unequal parts and voxels without annotation, with
/// classes and with regions.
let private variants = [
    let shared = {
        SmallTraining.usual with
            BucketBytes = 4096L
    }

    "equal",
    {
        shared with
            Batch = 4
            BatchDice = true
    }

    "unequal",
    {
        shared with
            Batch = 3
            Labels = withIgnored
    }

    "regions",
    {
        shared with
            Batch = 3
            BatchDice = true
            Labels = withRegions
    }
]

/// Sums of each type, at once and two at a time, copies of rank 0's numbers, and texts in the order of the ranks.
let private checkCalls (ranks: ICommunicator) (device: torch.Device) =
    use _ = torch.NewDisposeScope()
    let count = 100003L
    let places = torch.arange (count, torch.ScalarType.Int64)
    let factors = int64 (ranks.Size * (ranks.Size + 1) / 2)

    for kind in [ torch.ScalarType.Int64; torch.ScalarType.Float32; torch.ScalarType.Float64 ] do
        let own () =
            (places * torch.tensor (int64 (ranks.Rank + 1))).``to``(kind).``to`` device

        let expected = places * torch.tensor factors

        let isSum (tensor: torch.Tensor) =
            tensor.cpu().``to``(torch.ScalarType.Int64).equal(expected).all().item<bool>()

        let one, two, three = own (), own (), own ()
        ranks.Sum one
        let pending = [ ranks.BeginSum two; ranks.BeginSum three ]

        for sum in pending do
            sum.Wait()

        for tensor in [ one; two; three ] do
            if not (isSum tensor) then
                failwith $"a sum of {kind} is wrong"

    let copied = (places + torch.tensor (int64 ranks.Rank)).``to`` device
    ranks.Broadcast copied

    if not (copied.cpu().equal(places).all().item<bool>()) then
        failwith "the copy of rank 0's numbers is wrong"

    let text rank = String('x', 3 * rank)

    if
        List.ofSeq (ranks.Gather(text ranks.Rank))
        <> [ for rank in 0 .. ranks.Size - 1 -> text rank ]
    then
        failwith "the texts of all ranks are wrong"

/// Both steps of every variant, in float32 to the last bit of a factor.
let private gradients (ranks: ICommunicator) device folder =
    torch.backends.cuda.matmul.allow_tf32 <- false
    torch.backends.cudnn.allow_tf32 <- false

    for name, variant in variants do
        let here = {
            variant with
                Ranks = ranks
                Device = device
        }

        let curves =
            train here twoSteps false (Path.Combine(folder, name)) CancellationToken.None

        let epoch = curves.Epochs[0]
        let dice = String.Join(' ', epoch.PseudoDice)

        File.WriteAllText(
            Path.Combine(folder, $"{name}{ranks.Rank}"),
            $"{epoch.TrainingLoss} {epoch.ValidationLoss} {dice}"
        )

/// The epochs of the long training.
let epochs = 8

let private long =
    SmallTraining.experiment
    |> withAugmentation Augmentation.nnUNet
    |> withEpochs (epochs * 1<epoch>)
    |> withIterations 3 1

let private trainLong (ranks: ICommunicator) device folder asked =
    Console.WriteLine $"rank {ranks.Rank} is process {Environment.ProcessId}"

    let here = {
        SmallTraining.usual with
            Ranks = ranks
            Device = device
    }

    train here long true folder asked |> ignore

/// Ranks that `--gpus` starts, but for the GPUs: they meet and write what they hear. With a file "fail" in the folder rank
/// 1 ends at once, and rank 0 waits to be told.
let private meet folder =
    let place = RankPlace.FromEnvironment()

    if place.Size = 1 then
        LocalRanks.Run 2
    else
        LocalRanks.FollowStarter()

        let lost rank why =
            Console.Error.WriteLine $"rank {rank} {why}"
            exit 1

        use channel =
            ControlChannel.Join(
                place,
                MeetingPoint.FromEnvironment place,
                TimeSpan.FromSeconds 30.0,
                Action<int, string> lost
            )

        let heard =
            channel.Gather(ReadOnlyMemory(Encoding.UTF8.GetBytes $"rank {place.Rank}"))

        let text = String.Join(", ", [ for part in heard -> Encoding.UTF8.GetString part ])
        File.WriteAllText(Path.Combine(folder, $"rank{place.Rank}"), text)

        if File.Exists(Path.Combine(folder, "fail")) then
            if place.Rank = 0 then
                Thread.Sleep 60000

            exit 3

        channel.Watch.Part()
        Exit.done'

/// What a rank does: the gradients of all variants, or a long training that goes on where it was, or just to meet.
let run how folder =
    torch.set_num_threads 1
    let place = RankPlace.FromEnvironment()

    Exit.guard (fun () ->
        if how = "meet" then
            meet folder
        elif place.Size = 1 then
            LocalRanks.Run 2
        else
            Preemption.listen (fun asked ->
                let device = TrainingDevice.Resolve(Device.Automatic, place.LocalRank)

                Workflow.Ranks.join place device (fun ranks ->
                    if how = "gradients" then
                        checkCalls ranks device
                        gradients ranks device folder
                    else
                        trainLong ranks device folder asked

                    Exit.done')))

let private ending folder =
    use checkpoint = Checkpoint.Read (FoldFolder folder).Final
    let curves = checkpoint.State.Curves.Epochs[0]

    Map [
        for entry in checkpoint.Optimizer -> entry.Key, entry.Value.data<float32>().ToArray()
    ],
    [ curves.TrainingLoss; curves.ValidationLoss ],
    List.ofSeq curves.PseudoDice

let private isNear tolerance (expected: Map<string, float32[]>) (actual: Map<string, float32[]>) =
    Expect.equal (Map.keys actual |> List.ofSeq) (Map.keys expected |> List.ofSeq) "the same parameters"
    let largest = Seq.max (Seq.map abs (Seq.concat expected.Values))
    Expect.isGreaterThan largest 0f "there are gradients"

    for entry in expected do
        for there, here in Seq.zip entry.Value actual[entry.Key] do
            Expect.isLessThan (abs (there - here)) (tolerance * max 1f largest) entry.Key

/// Lets two ranks compute all variants' gradients in a folder, and compares with this process alone on the same device.
let compareGradients tolerance device (ranks: string -> unit) root =
    let alone = Path.Combine(root, "alone")
    gradients SingleProcess.Instance device (Directory.CreateDirectory alone).FullName
    ranks root

    for name, _ in variants do
        let state, losses, dice = ending (Path.Combine(alone, name))
        let among, lossesAmong, diceAmong = ending (Path.Combine(root, name))
        isNear tolerance state among

        for loss, lossAmong in List.zip losses lossesAmong do
            Expect.floatClose Accuracy.medium lossAmong loss $"{name}: losses"

        Expect.equal diceAmong dice $"{name}: pseudo Dice of all voxels"

        let text rank =
            File.ReadAllText(Path.Combine(root, $"{name}{rank}"))

        Expect.equal (text 1) (text 0) $"{name}: all ranks know the same curves"
