/// What training does to the previous stage's segmentation in a cascade: against slow definitions, and how often.
module MedSegDsl.Tests.Runtime.Training.CascadeAugmentationTests

open Expecto
open TorchSharp
open MedSegDsl
open MedSegDsl.Runtime.Training.Augmentations
open MedSegDsl.Runtime.Training.Augmentations.Cascade
open MedSegDsl.Runtime.Training.Loading
open MedSegDsl.Tests.Golden

let private random seed =
    BatchRandom(seed, BatchKey(BatchPurpose.Training, 2, seed))

let private volume (shape: int list) (inside: int -> int -> int -> bool) = [|
    for z in 0 .. shape[0] - 1 do
        for y in 0 .. shape[1] - 1 do
            for x in 0 .. shape[2] - 1 -> inside z y x
|]

/// Labels as (labels, D, H, W).
let private tensorOf (shape: int list) (labels: bool[] list) =
    torch
        .tensor(
            [|
                for label in labels do
                    for voxel in label -> if voxel then 1f else 0f
            |]
        )
        .reshape
        [| for n in labels.Length :: shape -> int64 n |]

let private masks (tensor: torch.Tensor) =
    tensor.contiguous().data<float32>().ToArray()
    |> Array.map (fun v -> v = 1f)
    |> Array.chunkBySize (int (tensor.numel () / tensor.shape[0]))
    |> List.ofArray

/// Dilation as it is defined, ball by ball.
let private dilated (shape: int list) radius (mask: bool[]) =
    let d, h, w = shape[0], shape[1], shape[2]

    volume shape (fun z y x ->
        Seq.exists
            id
            (seq {
                for a in 0 .. d - 1 do
                    for b in 0 .. h - 1 do
                        for c in 0 .. w - 1 do
                            mask[(a * h + b) * w + c]
                            && float ((a - z) * (a - z) + (b - y) * (b - y) + (c - x) * (c - x))
                               <= radius * radius
            }))

let private eroded shape radius =
    Array.map not >> dilated shape radius >> Array.map not

let private defined shape operation radius =
    match operation with
    | BallOperation.Dilation -> dilated shape radius
    | BallOperation.Erosion -> eroded shape radius
    | BallOperation.Closing -> dilated shape radius >> eroded shape radius
    | _ -> eroded shape radius >> dilated shape radius

let private operations = [
    BallOperation.Dilation
    BallOperation.Erosion
    BallOperation.Closing
    BallOperation.Opening
]

let private shape = [ 5; 6; 7 ]

let private blob key =
    Formula.blobs key shape 3 [ 2; 2; 3 ] |> Array.map (fun l -> l = 1)

/// A box with a hole in it and a spur on it: every operation changes it, closing only inside of its bounds.
let private box z y x =
    let inside n = n >= 5 && n < 15

    inside z && inside y && inside x && (z, y, x) <> (7, 7, 7)
    || (z = 10 && y = 10 && x = 15)

let private boxShape = [ 20; 20; 20 ]

/// The step of nnU-Net's augmentation with this kind of change, on copies of the box as label 2 of labels 1 and 2.
let private changedBoxes choose samples =
    use _ = torch.NewDisposeScope()
    let steps = Augmentation.nnUNet |> List.filter choose
    Expect.equal steps.Length 1 "one step"
    let augmenter = Augmenter(steps, boxShape, [||], [| 1; 2 |])
    let mask = volume boxShape box
    let size = samples :: 1 :: boxShape |> List.map int64 |> Array.ofList
    let truth = torch.zeros (size, torch.int16)

    let previous =
        (tensorOf boxShape [ mask ] * (2f).ToScalar()).``to``(torch.int16).expand size

    let struct (image, segmentation) =
        augmenter.Apply(torch.zeros size, torch.cat ([| truth; previous |], 1L), random 3)

    Expect.equal
        (List.ofSeq image.shape)
        (int64 samples :: 3L :: List.map int64 boxShape)
        "image and two labels"

    Expect.equal (List.ofSeq segmentation.shape) (List.ofArray size) "the truth"
    let labels = image.narrow (1L, 1L, 2L)
    mask, [ for i in 0L .. int64 samples - 1L -> (masks labels[i])[1] ]

let private isMorphology =
    function
    | AugmentationStep.Cascade(_, _, CascadeChange.Morphology _) -> true
    | _ -> false

let private isRemoval =
    function
    | AugmentationStep.Cascade(_, _, CascadeChange.ComponentRemoval _) -> true
    | _ -> false

let tests =
    testList "training/augmentation/cascade" [
        for operation in operations do
            test $"{operation} is what its definition gives" {
                use _ = torch.NewDisposeScope()

                for radius in [ 0.5; 1.0; 1.5; 2.3; 3.0 ] do
                    let mask = blob $"cascade/{radius}"
                    let labels = tensorOf shape [ mask ]
                    Morphology.Apply(labels, 0, operation, radius)
                    Expect.equal (masks labels) [ defined shape operation radius mask ] $"radius {radius}"
            }

        test "voxels that a label wins are taken from the others" {
            use _ = torch.NewDisposeScope()
            let first, second = blob "cascade/a", blob "cascade/b"
            let second = Array.map2 (fun a b -> b && not a) first second
            let labels = tensorOf shape [ first; second ]
            Morphology.Apply(labels, 0, BallOperation.Dilation, 1.0)
            let grown = dilated shape 1.0 first
            let left = Array.map3 (fun b g a -> b && not (g && not a)) second grown first
            Expect.equal (masks labels) [ grown; left ] "labels"
        }

        test "one of the small components goes, any of them, and never a large one" {
            use _ = torch.NewDisposeScope()
            let large z _ _ = z = 0
            let small z y x = z = 2 && y = 0 && x < 3

            let corner z y x =
                (z, y, x) = (4, 4, 4) || (z, y, x) = (3, 3, 3)

            let parts = [ large; small; corner ] |> List.map (volume shape)
            let mask = List.reduce (Array.map2 (||)) parts
            let source = random 5

            let gone = [
                for _ in 1..200 ->
                    let labels = tensorOf shape [ mask ]
                    ComponentRemoval.Apply(labels[0L], 0.15, source)
                    let left = (masks labels)[0]

                    parts
                    |> List.filter (fun part -> Array.forall2 (fun p l -> not (p && l)) part left)
                    |> List.map (fun part -> List.findIndex ((=) part) parts)
            ]

            Expect.equal (Set.ofList gone) (Set.ofList [ [ 1 ]; [ 2 ] ]) "one small one"
            Statistics.share 0.5 [ for g in gone -> g = [ 1 ] ] "each equally often"
        }

        test "the ball operations: how often, and all four" {
            let mask, found = changedBoxes isMorphology 900
            let changed = found |> List.filter (fun m -> m <> mask)
            Statistics.share (0.4 * 0.5) [ for m in found -> m <> mask ] "changed"

            let bounds =
                volume boxShape (fun z y x -> List.forall (fun n -> n >= 5 && n < 16) [ z; y; x ])

            let keeps m =
                Array.forall2 (fun a b -> not a || b) mask m

            let within m =
                Array.forall2 (fun a b -> not a || b) m bounds

            Statistics.share 0.25 [ for m in changed -> keeps m && not (within m) ] "dilation"
            Statistics.share 0.25 [ for m in changed -> keeps m && within m ] "closing"
            Statistics.share 0.5 [ for m in changed -> not (keeps m) ] "erosion and opening"
        }

        test "component removal: how often" {
            let mask, found = changedBoxes isRemoval 900
            Statistics.share (0.2 * 0.5) [ for m in found -> m <> mask ] "changed"
            Expect.isTrue (found |> List.forall (fun m -> m = mask || not (Array.exists id m))) "all of it"
        }

        test "without a previous stage cascade steps do nothing" {
            use _ = torch.NewDisposeScope()

            let steps =
                Augmentation.nnUNet |> List.filter (fun s -> isMorphology s || isRemoval s)

            let image = torch.rand [| 2L; 1L; 4L; 4L; 4L |]
            let before = image.clone ()

            let struct (after, _) =
                Augmenter(steps, [| 4; 4; 4 |])
                    .Apply(image, torch.ones ([| 2L; 1L; 4L; 4L; 4L |], dtype = torch.int16), random 1)

            Expect.isTrue (after.eq(before).all().item<bool>()) "the image"
        }
    ]
