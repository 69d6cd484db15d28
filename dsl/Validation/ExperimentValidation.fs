namespace MedSegDsl

/// What an experiment's definition must keep to.
module internal ExperimentRules =
    let private dataset (dataset: Dataset) = validation {
        let! () =
            Validation.check (dataset.Id >= 1 && dataset.Id <= 999) dataset.Id "from 1 to 999"
            |> Validation.field "id"

        and! () = Rules.name dataset.Name |> Validation.field "name"
        return ()
    }

    /// Only a network whose kernels and strides come from the plans has a form for slices.
    let private configuration network =
        function
        | Configuration.TwoD when UNetPlan.isNeeded network -> Ok()
        | Configuration.TwoD ->
            Validation.error
                "TwoD"
                $"a three-dimensional configuration, since {network.Name} takes volumes; only U-Nets under plans, such as nnUNet, take slices"
        | Configuration.ThreeDFullRes
        | Configuration.ThreeDLowRes
        | Configuration.ThreeDCascadeFullRes -> Ok()

    let private fold _ =
        function
        | Fold.Index index -> Rules.atLeast 0 index
        | Fold.All -> Ok()

    let private optimizer =
        function
        | Optimizer.SgdNesterov(rate, momentum, decay) -> validation {
            let! () = Rules.positive rate |> Validation.field "learningRate"
            and! () = Rules.below 0.0 1.0 momentum |> Validation.field "momentum"
            and! () = Rules.notNegative decay |> Validation.field "weightDecay"
            return ()
          }
        | Optimizer.Adam(rate, decay, epsilon)
        | Optimizer.AdamW(rate, decay, epsilon)
        | Optimizer.AdamWAmsGrad(rate, decay, epsilon) -> validation {
            let! () = Rules.positive rate |> Validation.field "learningRate"
            and! () = Rules.notNegative decay |> Validation.field "weightDecay"
            and! () = Rules.positive epsilon |> Validation.field "epsilon"
            return ()
          }

    let private learningRate =
        function
        | Optimizer.SgdNesterov(rate, _, _)
        | Optimizer.Adam(rate, _, _)
        | Optimizer.AdamW(rate, _, _)
        | Optimizer.AdamWAmsGrad(rate, _, _) -> rate

    let rec private schedule (epochs: int<epoch>) optimizer =
        function
        | Schedule.Polynomial exponent -> Rules.positive exponent |> Validation.field "exponent"
        | Schedule.Cosine minimum ->
            let rate = learningRate optimizer

            Validation.check
                (minimum >= 0.0 && minimum <= rate)
                (string minimum)
                $"from 0 to the optimizer's learning rate, {rate}"
            |> Validation.field "minimum"
        | Schedule.Constant -> Ok()
        | Schedule.WarmUp(warmUp, next) -> validation {
            let! () =
                Validation.check
                    (warmUp >= 1<epoch> && warmUp < epochs)
                    (int warmUp)
                    $"at least 1 and less than the schedule's {epochs} epochs"
                |> Validation.field "epochs"

            and! () = schedule (epochs - warmUp) optimizer next |> Validation.field "next"
            return ()
          }

    let private loss =
        function
        | Loss.DiceTopK percent ->
            Validation.check
                (percent > 0.0 && percent <= 100.0)
                (string percent)
                "a number above 0, up to 100"
            |> Validation.field "percent"
        | Loss.DiceCrossEntropy
        | Loss.CrossEntropy
        | Loss.Dice -> Ok()

    let private earlyStop =
        function
        | EarlyStop.Never -> Ok()
        | EarlyStop.Patience epochs -> Rules.atLeast 1 (int epochs) |> Validation.field "epochs"

    let private batchesPerStep (experiment: Experiment) =
        let count, batches = experiment.BatchesPerStep, experiment.IterationsPerEpoch

        Validation.check
            (count >= 1 && batches % count = 0)
            count
            $"a divisor of the {batches} training batches of an epoch, such as {Rules.nearestDivisors batches count}"

    let private planned rule =
        function
        | Planned.FromPlans -> Ok()
        | Planned.Set value -> rule value

    let private slices (experiment: Experiment) (patch: Size3) =
        match experiment.Configuration with
        | Configuration.TwoD ->
            Validation.check (patch.D = 1) patch.D "1, since a 2D configuration takes slices"
            |> Validation.field "d"
            |> Validation.field "patch"
        | _ -> Ok()

    /// The patch that the experiment sets must suit its network, and with it be what the network's strides divide.
    let private network (experiment: Experiment) = validation {
        let! network = NetworkRules.network experiment.Network |> Validation.field "network"

        let! () =
            planned (PatchRules.fit network >> PatchRules.patch network) experiment.Patch
            |> Result.mapError (
                List.map (fun error ->
                    if error.Path.StartsWith "patch" then
                        error
                    else
                        {
                            error with
                                Path = $"network.{error.Path}"
                        })
            )

        return ()
    }

    let private device =
        function
        | Device.Cuda index -> Rules.atLeast 0 index |> Validation.field "index"
        | Device.Automatic
        | Device.Cpu -> Ok()

    /// All errors of the definition.
    let experiment (experiment: Experiment) = validation {
        let! () = Rules.name experiment.Name |> Validation.field "name"
        and! () = dataset experiment.Dataset |> Validation.field "dataset"

        and! () =
            configuration experiment.Network experiment.Configuration
            |> Validation.field "configuration"

        and! () = planned (slices experiment) experiment.Patch
        and! () = Rules.name experiment.Plans |> Validation.field "plans"
        and! () = Rules.distinct "fold" experiment.Folds |> Validation.field "folds"
        and! _ = Validation.items fold experiment.Folds |> Validation.field "folds"
        and! () = Rules.distinct "seed" experiment.Seeds |> Validation.field "seeds"
        and! () = network experiment
        and! () = optimizer experiment.Optimizer |> Validation.field "optimizer"

        and! () =
            schedule experiment.Epochs experiment.Optimizer experiment.Schedule
            |> Validation.field "schedule"

        and! () = loss experiment.Loss |> Validation.field "loss"

        and! () =
            AugmentationRules.steps experiment.Augmentation
            |> Validation.field "augmentation"

        and! () = Rules.atLeast 1 (int experiment.Epochs) |> Validation.field "epochs"

        and! () =
            Rules.atLeast 1 experiment.IterationsPerEpoch
            |> Validation.field "iterationsPerEpoch"

        and! () =
            Rules.atLeast 1 experiment.ValidationIterations
            |> Validation.field "validationIterations"

        and! () = batchesPerStep experiment |> Validation.field "batchesPerStep"
        and! () = earlyStop experiment.EarlyStop |> Validation.field "earlyStop"
        and! () = planned (Rules.atLeast 1) experiment.Batch |> Validation.field "batch"

        and! () =
            Rules.positive experiment.GradientClipping
            |> Validation.field "gradientClipping"

        and! () =
            Rules.between 0.0 1.0 experiment.ForegroundOversampling
            |> Validation.field "foregroundOversampling"

        and! () = device experiment.Device |> Validation.field "device"
        return experiment
    }
