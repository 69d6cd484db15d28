/// What augmentation steps must keep to.
[<RequireQualifiedAccess>]
module internal MedSegDsl.AugmentationRules

let private probability name value =
    Rules.between 0.0 1.0 value |> Validation.field name

let private interval name low (interval: Interval) =
    validation {
        let! () =
            Validation.check
                (System.Double.IsFinite interval.Low && interval.Low >= low)
                (string interval.Low)
                $"{low} or a number above"
            |> Validation.field "low"

        and! () =
            Validation.check
                (System.Double.IsFinite interval.High && interval.High >= interval.Low)
                (string interval.High)
                $"{interval.Low}, the interval's low end, or a number above"
            |> Validation.field "high"

        return ()
    }
    |> Validation.field name

let private rotation =
    function
    | Rotation.FromPatch -> Ok()
    | Rotation.Degrees largest -> Rules.between 0.0 180.0 largest |> Validation.field "largest"

let private affine (change: AffineChange) = validation {
    let! () = probability "rotationProbability" change.RotationProbability
    and! () = rotation change.Rotation |> Validation.field "rotation"
    and! () = probability "axisProbability" change.AxisProbability
    and! () = probability "scalingProbability" change.ScalingProbability
    and! () = interval "scaling" 0.1 change.Scaling

    and! () =
        Validation.check
            (change.Margin >= 0.1 && change.Margin <= 1.0)
            (string change.Margin)
            "a number from 0.1 to 1"
        |> Validation.field "margin"

    return ()
}

let private mirror (axes: int list) =
    let axis _ value =
        Validation.check (value >= 0 && value <= 2) value "0 (z), 1 (y) or 2 (x)"

    validation {
        let! () = Rules.distinct "axis" axes
        and! _ = Validation.items axis axes
        return ()
    }
    |> Validation.field "axes"

let private spatial =
    function
    | SpatialChange.Affine change -> affine change
    | SpatialChange.Mirror axes -> mirror axes
    | SpatialChange.QuarterTurn
    | SpatialChange.AxisPermutation -> Ok()

let private intensity =
    function
    | IntensityChange.GaussianNoise deviation -> interval "deviation" 0.0 deviation
    | IntensityChange.GaussianBlur(sigma, _) -> interval "sigma" 0.1 sigma
    | IntensityChange.MedianFilter(smallest, largest) -> validation {
        let! () = Rules.atLeast 1 smallest |> Validation.field "smallest"
        and! () = Rules.atLeast smallest largest |> Validation.field "largest"
        return ()
      }
    | IntensityChange.Brightness factor -> interval "factor" 0.0 factor
    | IntensityChange.BrightnessShift deviation -> Rules.notNegative deviation |> Validation.field "deviation"
    | IntensityChange.Contrast(factor, _) -> interval "factor" 0.0 factor
    | IntensityChange.LowResolution scale -> validation {
        let! () = interval "scale" 0.01 scale

        and! () =
            Validation.check (not (scale.High > 1.0)) (string scale.High) "1 or less"
            |> Validation.field "scale.high"

        return ()
      }
    | IntensityChange.Gamma(exponent, _) -> interval "exponent" 0.01 exponent
    | IntensityChange.BlankRectangles most -> Rules.atLeast 1 most |> Validation.field "most"
    | IntensityChange.BrightnessGradient strength -> interval "strength" 0.0 strength
    | IntensityChange.LocalGamma(brighter, darker) -> validation {
        let! () = interval "brighter" 0.01 brighter
        and! () = interval "darker" 0.01 darker
        return ()
      }
    | IntensityChange.Sharpening strength -> interval "strength" 0.0 strength

let private cascade =
    function
    | CascadeChange.Morphology radius -> interval "radius" 0.0 radius
    | CascadeChange.ComponentRemoval share -> Rules.between 0.0 1.0 share |> Validation.field "largestShare"

/// Affine changes among the steps, those to choose from included.
let rec private affineCount steps =
    steps
    |> List.sumBy (function
        | AugmentationStep.Spatial(_, SpatialChange.Affine _) -> 1
        | AugmentationStep.OneOf steps -> affineCount steps
        | _ -> 0)

let rec private rule (_: int) step : Validation<unit> =
    match step with
    | AugmentationStep.Spatial(p, change) -> validation {
        let! () = probability "probability" p
        and! () = spatial change |> Validation.field "change"
        return ()
      }
    | AugmentationStep.Intensity(p, channels, change) -> validation {
        let! () = probability "probability" p
        and! () = probability "channelProbability" channels
        and! () = intensity change |> Validation.field "change"
        return ()
      }
    | AugmentationStep.OneOf steps ->
        validation {
            let! () =
                Validation.check (not steps.IsEmpty) "an empty list" "a list of at least one step"

            and! () =
                Validation.check
                    (affineCount steps = 0)
                    "an affine change"
                    "steps that leave the patch's size alone; put the affine change beside this step"

            and! _ = Validation.items rule steps
            return ()
        }
        |> Validation.field "steps"
    | AugmentationStep.Cascade(p, labels, change) -> validation {
        let! () = probability "probability" p
        and! () = probability "labelProbability" labels
        and! () = cascade change |> Validation.field "change"
        return ()
      }

/// All errors of the steps.
let steps (steps: AugmentationStep list) = validation {
    let! () =
        let count = affineCount steps
        Validation.check (count <= 1) $"{count} affine changes" "a list with one at most"

    and! _ = Validation.items rule steps
    return ()
}
