namespace MedSegDsl

/// Numbers drawn uniformly from `Low` to `High`.
type Interval = { Low: float; High: float }

/// How far patches are turned about each axis.
[<RequireQualifiedAccess>]
type Rotation =
    /// As nnU-Net decides from the patch: ±30° in 3D, ±180° in the plane where thin patches are transformed slice by
    /// slice (dummy 2D) and in 2D, ±15° in 2D where one side is more than 1.5 times the other.
    | FromPatch
    /// Up to this many degrees in either direction.
    | Degrees of largest: float

/// Rotation and scaling about the patch's centre, in one resampling. Patches more than three times as long as they are
/// thick are transformed slice by slice (dummy 2D), as nnU-Net decides. What is cut from the image beforehand is larger
/// than the patch.
type AffineChange = {
    RotationProbability: float
    Rotation: Rotation
    /// The share of axes about which a turned patch is turned.
    AxisProbability: float
    ScalingProbability: float
    /// Above 1 shows more of the image: objects get smaller.
    Scaling: Interval
    /// Each axis gets a factor of its own.
    ScalingPerAxis: bool
    /// What is cut from the image is the turned patch divided by this: nnU-Net 0.85, DA5 0.7.
    Margin: float
}

/// What moves voxels, image and segmentation alike.
[<RequireQualifiedAccess>]
type SpatialChange =
    | Affine of AffineChange
    /// A turn by 0, 90, 180 or 270 degrees in a plane of axes along which the patch is equally long.
    | QuarterTurn
    /// Axes along which the patch is equally long change places.
    | AxisPermutation
    /// A flip along each of these axes with probability ½; 0 = z. Prediction mirrors along the same axes.
    | Mirror of axes: int list

/// What changes the values of an image. Where a factor's interval holds 1, it is drawn below 1 and above 1 equally often.
[<RequireQualifiedAccess>]
type IntensityChange =
    /// Normal noise, independent for each voxel; the deviation is drawn once for a sample.
    | GaussianNoise of deviation: Interval
    /// sigma in voxels, drawn for each axis or once for all.
    | GaussianBlur of sigma: Interval * perAxis: bool
    /// The median of a cube of voxels.
    | MedianFilter of smallest: int * largest: int
    /// A factor.
    | Brightness of factor: Interval
    /// A summand, normal with this deviation.
    | BrightnessShift of deviation: float
    /// A factor on the distance from the mean; with `keepRange` the result is cut to the values that were there.
    | Contrast of factor: Interval * keepRange: bool
    /// Down to this share of the voxels along each axis by nearest sampling, and up again by linear interpolation; not
    /// across the slices of a thin patch.
    | LowResolution of scale: Interval
    /// Values between minimum and maximum to the power of the exponent, with mean and deviation kept; `inverted` does it
    /// to the negative image.
    | Gamma of exponent: Interval * inverted: bool
    /// From one to this many boxes, each side from a tenth to a third of the patch, filled with their mean.
    | BlankRectangles of most: int
    /// A wide Gaussian bump with its top at this strength, up or down, is added.
    | BrightnessGradient of strength: Interval
    /// Gamma inside a wide Gaussian bump, with an exponent from one interval or the other.
    | LocalGamma of brighter: Interval * darker: Interval
    /// The negative Laplacian, times the strength, is added.
    | Sharpening of strength: Interval

/// What changes the previous stage's segmentation in a cascade, one foreground label after the other in random order.
[<RequireQualifiedAccess>]
type CascadeChange =
    /// Dilation, erosion, closing or opening with a ball of this radius in voxels.
    | Morphology of radius: Interval
    /// One connected component of less than this share of the patch is removed.
    | ComponentRemoval of largestShare: float

/// A step of the augmentation: what happens to each sample of a batch with some probability.
[<RequireQualifiedAccess>]
type AugmentationStep =
    | Spatial of probability: float * change: SpatialChange
    /// A sample is taken with the first probability, each of its channels with the second.
    | Intensity of probability: float * channelProbability: float * change: IntensityChange
    /// One of these steps for each sample, all equally likely; each keeps its own probability.
    | OneOf of steps: AugmentationStep list
    /// A sample is taken with the first probability, each foreground label with the second; without a previous stage
    /// nothing happens.
    | Cascade of probability: float * labelProbability: float * change: CascadeChange

/// Random changes of the training patches, in the order in which they are applied (nnU-Net v2.8,
/// nnUNetTrainer.get_training_transforms and its variants; batchgeneratorsv2).
[<RequireQualifiedAccess>]
module Augmentation =
    let private between low high = { Low = low; High = high }

    let private intensity probability channels change =
        AugmentationStep.Intensity(probability, channels, change)

    let private affine change =
        AugmentationStep.Spatial(1.0, SpatialChange.Affine change)

    let private cascade = [
        AugmentationStep.Cascade(0.4, 0.5, CascadeChange.Morphology(between 1.0 8.0))
        AugmentationStep.Cascade(0.2, 0.5, CascadeChange.ComponentRemoval 0.15)
    ]

    let private mirror = AugmentationStep.Spatial(1.0, SpatialChange.Mirror [ 0; 1; 2 ])

    /// Patches as they are (nnUNetTrainerNoDA).
    let off: AugmentationStep list = []

    /// Flips alone.
    let mirroring = [ mirror ]

    /// nnU-Net's default (nnUNetTrainer): rotation, scaling, noise, blur, brightness, contrast, low resolution, gamma of
    /// the inverted and of the plain image, flips along every axis.
    let nnUNet = [
        affine {
            RotationProbability = 0.2
            Rotation = Rotation.FromPatch
            AxisProbability = 1.0
            ScalingProbability = 0.2
            Scaling = between 0.7 1.4
            ScalingPerAxis = false
            Margin = 0.85
        }
        intensity 0.1 1.0 (IntensityChange.GaussianNoise(between 0.0 0.1))
        intensity 0.2 0.5 (IntensityChange.GaussianBlur(between 0.5 1.0, true))
        intensity 0.15 1.0 (IntensityChange.Brightness(between 0.75 1.25))
        intensity 0.15 1.0 (IntensityChange.Contrast(between 0.75 1.25, true))
        intensity 0.25 0.5 (IntensityChange.LowResolution(between 0.5 1.0))
        intensity 0.1 1.0 (IntensityChange.Gamma(between 0.7 1.5, true))
        intensity 0.3 1.0 (IntensityChange.Gamma(between 0.7 1.5, false))
        mirror
        yield! cascade
    ]

    /// The steps without flips, in training and so in prediction: for classes that have a side.
    let withoutMirroring steps =
        steps
        |> List.filter (function
            | AugmentationStep.Spatial(_, SpatialChange.Mirror _) -> false
            | _ -> true)

    /// The steps with flips along these axes alone, 0 = z, in training and so in prediction.
    let mirroredAlong axes steps =
        steps
        |> List.map (function
            | AugmentationStep.Spatial(probability, SpatialChange.Mirror _) ->
                AugmentationStep.Spatial(probability, SpatialChange.Mirror axes)
            | step -> step)

    /// nnU-Net's default without flips (nnUNetTrainerNoMirroring).
    let noMirroring = withoutMirroring nnUNet

    /// nnU-Net's stronger augmentation (nnUNetTrainerDA5). Both of its gamma steps invert the image.
    let da5 = [
        affine {
            RotationProbability = 0.4
            Rotation = Rotation.FromPatch
            AxisProbability = 0.5
            ScalingProbability = 0.2
            Scaling = between 0.7 1.43
            ScalingPerAxis = true
            Margin = 0.7
        }
        AugmentationStep.Spatial(0.5, SpatialChange.QuarterTurn)
        AugmentationStep.Spatial(0.5, SpatialChange.AxisPermutation)
        AugmentationStep.OneOf [
            intensity 0.2 0.5 (IntensityChange.MedianFilter(2, 7))
            intensity 0.2 0.5 (IntensityChange.GaussianBlur(between 0.3 1.5, false))
        ]
        intensity 0.1 1.0 (IntensityChange.GaussianNoise(between 0.0 0.1))
        intensity 0.1 0.5 (IntensityChange.BrightnessShift 0.5)
        AugmentationStep.OneOf [
            intensity 0.2 0.5 (IntensityChange.Contrast(between 0.5 2.0, true))
            intensity 0.2 0.5 (IntensityChange.Contrast(between 0.5 2.0, false))
        ]
        intensity 0.15 0.5 (IntensityChange.LowResolution(between 0.25 1.0))
        intensity 0.1 1.0 (IntensityChange.Gamma(between 0.7 1.5, true))
        intensity 0.1 1.0 (IntensityChange.Gamma(between 0.7 1.5, true))
        mirror
        intensity 0.4 0.5 (IntensityChange.BlankRectangles 4)
        intensity 0.3 0.5 (IntensityChange.BrightnessGradient(between 1.0 5.0))
        intensity 0.3 0.5 (IntensityChange.LocalGamma(between 0.01 0.8, between 1.5 4.0))
        intensity 0.2 0.5 (IntensityChange.Sharpening(between 0.1 1.0))
        AugmentationStep.Cascade(0.4, 1.0, CascadeChange.Morphology(between 1.0 8.0))
        AugmentationStep.Cascade(0.2, 1.0, CascadeChange.ComponentRemoval 0.15)
    ]
