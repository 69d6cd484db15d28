/// Losses against tests/golden/pipeline/unit/losses.json, and what holds for any logits.
module MedSegDsl.Tests.Runtime.Training.LossTests

open System
open System.Text.Json
open Expecto
open TorchSharp
open MedSegDsl
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Training.Losses
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Runtime

let private tensorOf (values: float32[]) (shape: int list) =
    torch.tensor(values).reshape [| for n in shape -> int64 n |]

let private logits key scale shape =
    tensorOf
        (Formula.unit key (Formula.count shape)
         |> Array.map (fun u -> float32 u * float32 scale))
        shape

let private labelTensor (values: int64[]) (shape: int list) =
    torch.tensor(values).reshape [| for n in shape -> int64 n |]

let private labels key (shape: int list) classes =
    labelTensor (Formula.labels key shape classes |> Array.map int64) shape

let private scalar (tensor: torch.Tensor) = float (tensor.item<float32>())

let private maskShape (shape: int list) = shape[0] :: 1 :: List.skip 2 shape

let private ignored key (shape: int list) =
    Formula.unit (key + "/ig") (Formula.count (maskShape shape))
    |> Array.map (fun u -> u > 0.4)

/// Labels with the ignore label where nothing is annotated.
let private target key (shape: int list) (ignore: int option) allIgnored =
    let values =
        Formula.labels (key + "/t") (maskShape shape) shape[1] |> Array.map int64

    let values =
        match ignore with
        | None -> values
        | Some label when allIgnored -> values |> Array.map (fun _ -> int64 label)
        | Some label -> Array.map2 (fun v i -> if i then int64 label else v) values (ignored key shape)

    labelTensor values (maskShape shape)

/// One 0/1 channel for each region, and one for the ignore label.
let private regions key (shape: int list) withIgnore =
    let bit condition = if condition then 1f else 0f

    let channels =
        tensorOf
            (Formula.unit (key + "/r") (Formula.count shape)
             |> Array.map (fun u -> bit (u > 0.2)))
            shape

    if withIgnore then
        torch.cat ([| channels; tensorOf (ignored key shape |> Array.map bit) (maskShape shape) |], 1L)
    else
        channels

let private golden (case: JsonElement) : SegmentationLoss * torch.Tensor =
    let get (name: string) = case.GetProperty name
    let key, shape = string (get("key").GetString()), Expectations.intList (get "shape")

    let batchDice, background =
        get("batch_dice").GetBoolean(), get("do_bg").GetBoolean()

    let ignore = get "ignore_label"

    let label =
        if ignore.ValueKind = JsonValueKind.Number then
            Some(ignore.GetInt32())
        else
            None

    let allIgnored = fst (case.TryGetProperty "target")

    let dice smooth = DiceTerm(batchDice, background, smooth)

    let softmax crossEntropy term topK : SegmentationLoss =
        SoftmaxLoss(crossEntropy, term, Option.toNullable label, Option.toNullable topK)

    match string (get("name").GetString()) with
    | "DC_and_CE" -> softmax true (dice 1e-5) None, target key shape label allIgnored
    | "DC_and_topk" ->
        softmax true (dice 1e-5) (Some(float (get("k").GetInt32()))), target key shape label allIgnored
    | "MemoryEfficientSoftDice" -> softmax false (dice 1e-5) None, target key shape label allIgnored
    | "SoftDice" -> softmax false (dice (get("smooth").GetDouble())) None, target key shape label allIgnored
    | "DC_and_BCE" ->
        let withIgnore = ignore.ValueKind = JsonValueKind.String
        RegionLoss(true, dice 1e-5, withIgnore), regions key shape withIgnore
    | name -> failwith $"{name}: a loss that is not known here"

let private goldenCase index (case: JsonElement) =
    let name = string (case.GetProperty("name").GetString())

    test $"{index} {name}" {
        use _ = torch.NewDisposeScope()
        let shape = Expectations.intList (case.GetProperty "shape")
        let loss, target = golden case
        let input = logits (string (case.GetProperty("key").GetString())) 3.0 shape
        let result = loss.Evaluate(input, target)
        Expectations.close 1e-5 0.0 (case.GetProperty("loss").GetDouble()) (scalar result.Value) "loss"

        match case.TryGetProperty "gradient" with
        | true, expected when not (isNull result.Gradient) ->
            let actual = (nonNull result.Gradient).data<float32>().ToArray() |> Array.map float
            let samples = Expectations.numbers (expected.GetProperty "samples")
            let stride = expected.GetProperty("stride").GetInt32()
            let largest = samples |> Array.map abs |> Array.max

            samples
            |> Array.iteri (fun i s ->
                Expect.isLessThanOrEqual
                    (abs (actual[i * stride] - s))
                    (1e-5 * largest)
                    $"gradient, sample {i}: {s} expected, {actual[i * stride]} found")

            Expectations.close
                1e-5
                0.0
                (expected.GetProperty("norm").GetDouble())
                (sqrt (Array.sumBy (fun x -> x * x) actual))
                "gradient, norm"
        | true, _ -> failtest "no gradient"
        | _ -> ()
    }

let private goldenDeepSupervision (case: JsonElement) =
    let outputs = case.GetProperty("outputs").GetInt32()

    test $"deep supervision, {outputs} outputs" {
        use _ = torch.NewDisposeScope()
        let weights = Expectations.numbers (case.GetProperty "weights")

        DeepSupervision.Weights outputs
        |> Array.iteri (fun i w -> Expectations.close 1e-12 0.0 weights[i] w $"weight {i}")

        let key = (string (case.GetProperty("key").GetString())).Replace("<i>", "")
        let loss = SoftmaxLoss(true, DiceTerm(true, false))

        let parts = [|
            for i, shape in Seq.indexed (case.GetProperty("shapes").EnumerateArray()) ->
                let shape, key = Expectations.intList shape, $"{key}{i}"

                loss.Evaluate(logits key 2.0 shape, labels (key + "/t") (maskShape shape) 3).Value
                |> scalar
        |]

        Expectations.numbers (case.GetProperty "parts")
        |> Array.iteri (fun i part -> Expectations.close 1e-5 0.0 part parts[i] $"part {i}")

        Expectations.close
            1e-5
            0.0
            (case.GetProperty("loss").GetDouble())
            (Array.sum (Array.map2 (*) weights parts))
            "loss"
    }

let private file = Folder.at [ "pipeline"; "unit"; "losses.json" ]

let goldenTests =
    testList "golden/losses" [
        if System.IO.File.Exists file then
            let json = Folder.read file

            for index, case in Seq.indexed (json.GetProperty("cases").EnumerateArray()) do
                goldenCase index case

            for case in json.GetProperty("deep_supervision").EnumerateArray() do
                goldenDeepSupervision case
    ]

/// The gradient by central differences in a few places.
let private checkDerivative (loss: SegmentationLoss) (input: torch.Tensor) (target: torch.Tensor) =
    let gradient = nonNull (loss.Evaluate(input, target, 0.25).Gradient)
    let flat, slope = input.flatten (), gradient.flatten ()
    let step = 0.02f

    for i in 0L .. 7L .. input.numel () - 1L do
        let value offset =
            let moved = flat.clone ()
            moved[i] <- moved[i] + torch.tensor (offset: float32)
            scalar (loss.Evaluate(moved.view_as input, target).Value)

        let expected = 0.25 * (value step - value -step) / (2.0 * float step)
        Expect.isLessThan (abs (expected - scalar slope[i])) 2e-5 $"derivative by logit {i}"

let tests =
    testList "training/losses" [
        for batchDice in [ false; true ] do
            test $"top-k with an ignore label has the derivative of its value, batch Dice {batchDice}" {
                use _ = torch.NewDisposeScope()
                let shape = [ 2; 3; 4; 5 ]
                let loss = SoftmaxLoss(true, DiceTerm(batchDice, false), 3, 25.0)
                checkDerivative loss (logits "train/a" 2.0 shape) (target "train/a" shape (Some 3) false)
            }

            test $"Dice of regions alone has the derivative of its value, batch Dice {batchDice}" {
                use _ = torch.NewDisposeScope()
                let shape = [ 2; 3; 4; 5 ]
                let loss = RegionLoss(false, DiceTerm(batchDice, true), true)
                checkDerivative loss (logits "train/b" 2.0 shape) (regions "train/b" shape true)
            }

        test "a perfect answer has a Dice loss of -1 and no cross-entropy" {
            use _ = torch.NewDisposeScope()
            let truth = labels "train/c" [ 2; 1; 4; 4; 4 ] 3

            let sure =
                torch
                    .zeros([| 2L; 3L; 4L; 4L; 4L |])
                    .scatter_(1L, truth, torch.ones ([| 2L; 1L; 4L; 4L; 4L |]) * 50.0f.ToScalar())

            let value = SoftmaxLoss(true, DiceTerm(false, false)).Evaluate(sure, truth).Value
            Expectations.close 1e-5 0.0 -1.0 (scalar value) "loss"
        }

        test "the gradients of two batches, half of each, are those of the batch of both" {
            use _ = torch.NewDisposeScope()
            let loss = DeepSupervisionLoss(SoftmaxLoss(true, DiceTerm(false, false)))
            let truth = labels "train/e" [ 2; 1; 4; 4; 4 ] 3
            let both = (logits "train/e" 2.0 [ 2; 3; 4; 4; 4 ]).requires_grad_()
            loss.Evaluate([| both |], truth, 1.0).Dispose()

            let parts = [|
                for sample in 0L .. 1L do
                    let part = both.detach().narrow(0L, sample, 1L).clone().requires_grad_()
                    loss.Evaluate([| part |], truth.narrow (0L, sample, 1L), 0.5).Dispose()
                    nonNull part.grad
            |]

            let difference = (torch.cat (parts, 0L) - nonNull both.grad).abs().max()
            Expect.isLessThan (scalar difference) 1e-8 "gradient"
        }

        test "Dice + top-k takes the hardest voxels, and is not for regions" {
            use _ = torch.NewDisposeScope()

            let entries regions = [|
                LabelEntry("background", [| 0 |], false)
                LabelEntry("whole", (if regions then [| 1; 2 |] else [| 1 |]), regions)
                LabelEntry("core", [| 2 |], false)
            |]

            let exclusive = LabelManager(entries false, null)

            let input, truth =
                logits "train/f" 2.0 [ 2; 3; 4; 5; 5 ], labels "train/f" [ 2; 1; 4; 5; 5 ] 3

            let value (loss: DeepSupervisionLoss) =
                scalar (loss.Evaluate([| input |], truth, Nullable()))

            let hardest = TrainingLoss.For(Loss.DiceTopK 10.0, exclusive, true)

            let expected =
                DeepSupervisionLoss(SoftmaxLoss(true, DiceTerm(true, false), Nullable(), 10.0))

            Expect.equal (value hardest) (value expected) "ten percent"

            Expect.isGreaterThan
                (value hardest)
                (value (TrainingLoss.For(Loss.DiceCrossEntropy, exclusive, true)))
                "harder than all voxels"

            let regions = LabelManager(entries true, [| 1; 2 |])

            TemporaryFolder.expectsLine [ "DiceTopK"; "regions"; "DiceCrossEntropy" ] (fun () ->
                TrainingLoss.For(Loss.DiceTopK 10.0, regions, true) |> ignore)
        }

        test "gradients of deep supervision reach every map but the last, by its weight" {
            use _ = torch.NewDisposeScope()
            let loss = SoftmaxLoss(true, DiceTerm(true, false))
            let truth = labels "train/d" [ 2; 1; 8; 8; 8 ] 3

            let maps: torch.Tensor[] = [|
                for n in [ 8; 4; 2 ] -> (logits $"train/d{n}" 2.0 [ 2; 3; n; n; n ]).requires_grad_()
            |]

            let total = DeepSupervisionLoss(loss).Evaluate(maps, truth, 1.0)

            let alone (i: int) =
                loss.Evaluate(
                    maps[i],
                    DeepSupervision.Downsample(truth, ReadOnlySpan maps[i].shape[2..]),
                    1.0
                )

            let whole, half = alone 0, alone 1

            Expectations.close
                1e-6
                0.0
                ((2.0 * scalar whole.Value + scalar half.Value) / 3.0)
                (scalar total)
                "loss"

            let differ map (result: LossValue) (weight: float32) =
                let found, expected =
                    nonNull maps[map].grad, nonNull result.Gradient * weight.ToScalar()

                scalar ((found - expected).abs().max())

            Expect.isLessThan (differ 0 whole (2.0f / 3.0f)) 1e-8 "the first map's gradient"

            Expect.isLessThan (differ 1 half (1.0f / 3.0f)) 1e-8 "the second map's gradient"

            Expect.isNull maps[2].grad "the last map has weight 0"
        }
    ]
