/// Learning rates, optimizers and the moving average against tests/golden/pipeline/unit/schedule.json; Adam and its changes against
/// libtorch's; states that go to a checkpoint and back.
module MedSegDsl.Tests.Runtime.Training.OptimizationTests

open System.Collections.Generic
open System.IO
open System.Text.Json
open Expecto
open TorchSharp
open MedSegDsl
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Optimization
open MedSegDsl.Tests.Golden

let private parameter (values: float32[]) : torch.Tensor =
    torch.nn.Parameter(torch.tensor (values))

let private values (tensor: torch.Tensor) =
    tensor.detach().data<float32>().ToArray()

let private polynomial (case: JsonElement) =
    let initial, epochs =
        case.GetProperty("initial_lr").GetDouble(), case.GetProperty("max_steps").GetInt32()

    test $"polynomial over {epochs} epochs" {
        Seq.zip (case.GetProperty("epochs").EnumerateArray()) (case.GetProperty("lr").EnumerateArray())
        |> Seq.iter (fun (epoch, rate) ->
            let epoch = epoch.GetInt32()
            let actual = LearningRate.At(Schedule.Polynomial 0.9, initial, epoch, epochs)
            Expectations.close 1e-12 0.0 (rate.GetDouble()) actual $"epoch {epoch}")
    }

let private sgd (case: JsonElement) = test "SGD with Nesterov momentum, clipping and weight decay" {
    use _ = torch.NewDisposeScope()
    let prefix = string (case.GetProperty("prefix").GetString())
    let start = Formula.unitSingle $"{prefix}/sgd/w" 20
    // Two parameters, since clipping counts all of them together.
    let a, b = parameter start[..12], parameter start[13..]

    use optimizer =
        new SgdNesterov([| struct ("a", a); struct ("b", b) |], 12.0, 0.99, 3e-5)

    for k, step in Seq.indexed (case.GetProperty("steps").EnumerateArray()) do
        let factor = if k % 2 = 0 then 9f else 1f

        let gradient =
            Formula.unit $"{prefix}/sgd/g{k}" 20 |> Array.map (fun u -> float32 u * factor)

        a.grad <- torch.tensor (gradient[..12])
        b.grad <- torch.tensor (gradient[13..])
        let norm = optimizer.Step(0.01).item<float32>()
        let expected = step.GetProperty("grad_norm_before_clip").GetDouble()
        Expectations.close 1e-6 expected expected (float norm) $"step {k}, norm"

        Array.append (values a) (values b)
        |> Array.iteri2
            (fun i w actual -> Expectations.close 1e-6 0.0 w (float actual) $"step {k}, weight {i}")
            (Expectations.numbers (step.GetProperty "weights"))
}

let private average (case: JsonElement) = test "moving average" {
    let means = Expectations.numbers (case.GetProperty "mean_fg_dice")
    let curves = Curves([])

    Expectations.numbers (case.GetProperty "ema_fg_dice")
    |> Array.iteri (fun i expected ->
        let struct (epoch, _) = curves.Add(0.01, 0.0, 0.0, [ means[i] ], 1.0)
        Expectations.close 1e-12 0.0 expected epoch.AveragePseudoDice $"epoch {i}")
}

let private file = Folder.at [ "pipeline"; "unit"; "schedule.json" ]

let goldenTests =
    testList "golden/schedule" [
        if File.Exists file then
            let json = Folder.read file

            for case in json.GetProperty("poly").EnumerateArray() do
                polynomial case

            sgd (json.GetProperty "sgd")
            average (json.GetProperty "ema")
    ]

/// Three parameters, of which the last never gets a gradient.
let private network () = [|
    for i, n in Seq.indexed [ 7; 5; 3 ] -> struct ($"p{i}", parameter (Formula.unitSingle $"train/opt/{i}" n))
|]

let private gradients step (network: struct (string * torch.Tensor)[]) =
    for i in 0..1 do
        let struct (_, p) = network[i]
        p.grad <- torch.tensor (Formula.unitSingle $"train/opt/{step}/{i}" (int (p.numel ())))

let private steps first last (optimizer: ParameterOptimizer) network =
    for step in first..last do
        gradients step network
        optimizer.Step(0.02).Dispose()

let private weights (network: struct (string * torch.Tensor)[]) = [ for struct (_, p) in network -> values p ]

let private optimizers = [
    "SGD", Optimizer.SgdNesterov(0.02, 0.9, 1e-3)
    "Adam", Optimizer.Adam(0.02, 1e-2, 1e-8)
    "AdamW", Optimizer.AdamW(0.02, 1e-2, 1e-8)
    "AdamW with AMSGrad", Optimizer.AdamWAmsGrad(0.02, 1e-2, 1e-8)
]

/// libtorch's optimizers of the same numbers, without the first.
let private adams: (Modules.Parameter list -> torch.optim.Optimizer) list = [
    fun p -> torch.optim.Adam(p, lr = 0.02, weight_decay = 1e-2, eps = 1e-8)
    fun p -> torch.optim.AdamW(p, lr = 0.02, weight_decay = 1e-2, eps = 1e-8)
    fun p -> torch.optim.AdamW(p, lr = 0.02, weight_decay = 1e-2, eps = 1e-8, amsgrad = true)
]

let tests =
    testList "training/optimization" [
        test "cosine runs from the initial rate to the minimum" {
            let rate epoch =
                LearningRate.At(Schedule.Cosine 0.1, 1.1, epoch, 10)

            Expectations.close 1e-12 0.0 1.1 (rate 0) "first epoch"
            Expectations.close 1e-12 0.0 0.6 (rate 5) "half way"
            Expectations.close 1e-12 0.0 0.1 (rate 10) "the end"
        }

        test "a warm-up rises to the initial rate, and the next schedule runs over what is left" {
            let schedule = Schedule.WarmUp(50<epoch>, Schedule.Polynomial 0.9)

            let rate epoch =
                LearningRate.At(schedule, 0.01, epoch, 1000)

            Expectations.close 1e-12 0.0 (0.01 / 50.0) (rate 0) "first epoch"
            Expectations.close 1e-12 0.0 0.005 (rate 24) "half of the warm-up"
            Expectations.close 1e-12 0.0 0.01 (rate 49) "its last epoch"
            Expectations.close 1e-12 0.0 0.01 (rate 50) "the first epoch after it"

            Expectations.close
                1e-12
                0.0
                (0.01 * (1.0 - 475.0 / 950.0) ** 0.9)
                (rate 525)
                "half of what is left"
        }

        for (name, definition), reference in List.zip optimizers[1..] adams do
            test $"{name} steps as libtorch's" {
                use _ = torch.NewDisposeScope()
                let mine, other = network (), network ()
                use optimizer = ParameterOptimizer.Create(definition, mine, 1e6)

                use theirs =
                    reference [ for struct (_, p) in other[..1] -> p :?> Modules.Parameter ]

                for step in 0..4 do
                    gradients step mine
                    gradients step other
                    optimizer.Step(0.02).Dispose()
                    theirs.step () |> ignore

                List.iter2
                    (Array.iter2 (fun (a: float32) b ->
                        Expectations.close 1e-6 0.0 (float b) (float a) "weight"))
                    (weights mine)
                    (weights other)
            }

        for name, definition in optimizers do
            test $"{name} leaves parameters without a gradient alone" {
                use _ = torch.NewDisposeScope()
                let network = network ()
                let before = List.last (weights network)
                use optimizer = ParameterOptimizer.Create(definition, network, 12.0)
                steps 0 2 optimizer network
                Expect.equal (List.last (weights network)) before "weights"
            }

            test $"{name} goes on from a saved state with the same bits" {
                use _ = torch.NewDisposeScope()
                let straight, resumed = network (), network ()
                use whole = ParameterOptimizer.Create(definition, straight, 0.5)
                steps 0 5 whole straight
                use first = ParameterOptimizer.Create(definition, resumed, 0.5)
                steps 0 2 first resumed
                use second = ParameterOptimizer.Create(definition, resumed, 0.5)
                second.Load(first.State(), first.Steps)
                steps 3 5 second resumed
                Expect.equal (weights resumed) (weights straight) "weights"
            }

            test $"{name} refuses the state of another network" {
                use _ = torch.NewDisposeScope()
                let network = network ()
                use optimizer = ParameterOptimizer.Create(definition, network, 0.5)
                let state = Dictionary()
                state["momentum.other"] <- torch.zeros (3L)

                Expect.throwsT<MedSegDsl.Runtime.UserException>
                    (fun () -> optimizer.Load(state, 3L))
                    "the names do not fit"
            }

        test "an overflow halves the loss scale and leaves the step out" {
            use _ = torch.NewDisposeScope()
            let w = parameter [| 1f; 2f |]
            use optimizer = new SgdNesterov([| struct ("w", w) |], 12.0, 0.9, 0.0)
            let scale = LossScale()

            let step gradient =
                w.grad <- torch.tensor (gradient: float32[])
                optimizer.Step(0.1, scale).Dispose()

            step [| infinityf; 0f |]
            Expect.equal (values w) [| 1f; 2f |] "the weights after an overflow"
            Expect.equal (scale.Value, optimizer.Steps) (32768.0, 0L) "scale and steps after an overflow"
            let unscaled = parameter [| 1f; 2f |]
            use other = new SgdNesterov([| struct ("w", unscaled) |], 12.0, 0.9, 0.0)
            unscaled.grad <- torch.tensor [| 0.5f; -0.25f |]
            other.Step(0.1).Dispose()
            step [| 0.5f * 32768f; -0.25f * 32768f |]
            Expect.equal (values w) (values unscaled) "the step of scaled gradients"
        }

        test "2000 steps without overflow double the loss scale" {
            let scale = LossScale(8.0)

            for _ in 1..1999 do
                scale.Update false

            Expect.equal scale.Value 8.0 "before"
            scale.Update false
            Expect.equal (scale.Value, scale.StepsWithoutOverflow) (16.0, 0) "after"
        }

        test "an epoch without any foreground does not disturb the moving average" {
            let curves = Curves([])
            let add dice = curves.Add(0.01, 0.0, 0.0, dice, 1.0)
            let struct (first, firstBest) = add [ 0.5; nan ]
            let struct (second, secondBest) = add [ nan; nan ]
            let struct (third, thirdBest) = add [ 0.7; nan ]
            Expect.equal (first.AveragePseudoDice, firstBest) (0.5, true) "the first epoch"
            Expect.equal (second.AveragePseudoDice, secondBest) (0.5, false) "no foreground"
            Expectations.close 1e-12 0.0 0.52 third.AveragePseudoDice "the third epoch"
            Expect.isTrue thirdBest "a better average"
        }
    ]
