/// Which tokens see each other in windows, and what training drops.
module MedSegDsl.Tests.Models.WindowTests

open Expecto
open MedSegDsl
open MedSegDsl.Models
open MedSegDsl.Tests.Models.SmallNetworks
open TorchSharp

let private channels = 4

let private mixer = {
    Heads = 2
    Window = Size3.create 2 3 4
    FeedForwardRatio = 2
    QkvBias = true
    Dropout = 0.0
    DropPath = DropPath.none
    Code = SwinCode.Monai
}

let private attention shifted =
    let built = new WindowAttention(channels, mixer, shifted)
    use _noGrad = torch.no_grad ()

    // Large enough to matter, small enough that no token drowns the others.
    for index, entry in Seq.indexed (parameters built) do
        entry.Value.copy_ ((random index (shape entry.Value)).mul(torch.tensor 0.2f))
        |> ignore

    built.eval ()
    built

/// The window of a position along one axis: windows start at 0, or half a window before; what sticks out at an end is a
/// window of its own; an axis that is not longer than the window is one.
let private windowOf shifted length window position =
    if length <= window then 0
    elif shifted then (position + window - window / 2) / window
    else position / window

let private windows shifted (size: Size3) = [
    for d in 0 .. size.D - 1 do
        for h in 0 .. size.H - 1 do
            for w in 0 .. size.W - 1 ->
                windowOf shifted size.D mixer.Window.D d,
                windowOf shifted size.H mixer.Window.H h,
                windowOf shifted size.W mixer.Window.W w
]

/// For each token, which tokens' results change with it: the batch is a volume for each changed token, and one more as it
/// is.
let private influence shifted (size: Size3) =
    use _scope = torch.NewDisposeScope()
    use _noGrad = torch.no_grad ()
    use attention = attention shifted
    let count = int size.Volume

    let tokens = (random 1 [ 1; count; channels ]).repeat(int64 count + 1L, 1L, 1L)

    let change = torch.zeros (int64 count + 1L, int64 count, 1L)

    for token in 0 .. count - 1 do
        change[int64 token, int64 token, 0L] <- torch.tensor 1.0f

    let results =
        attention
            .call((tokens + change).view(-1L, int64 size.D, int64 size.H, int64 size.W, int64 channels))
            .view(-1L, int64 count, int64 channels)

    let unchanged = results[int64 count].unsqueeze 0L
    let differences = (results - unchanged).abs().amax([| 2L |])
    let numbers = values differences

    [
        for changed in 0 .. count - 1 ->
            [ for seen in 0 .. count - 1 -> numbers[changed * count + seen] > 1e-6 ]
    ]

let private sizes = [
    "whole windows", Size3.create 4 6 8
    "padded windows", Size3.create 5 4 7
    "one window along two axes", Size3.create 2 2 9
]

let private dropTests = [
    test "outside training nothing is dropped" {
        use _scope = torch.NewDisposeScope()
        let x = random 2 [ 8; 3 ]
        Expect.equal (difference x (RandomDrops.Branch(x, 0.5, false))) 0.0 "a branch"
        Expect.equal (difference x (RandomDrops.Numbers(x, 0.5, false))) 0.0 "numbers"
    }

    test "training drops whole branches, at their rate, and scales the others" {
        use _scope = torch.NewDisposeScope()
        let dropped = RandomDrops.Branch(torch.ones (2000L, 1L, 3L), 0.25, true) |> values
        let rows = Array.chunkBySize 3 dropped
        let gone, kept = rows |> Array.partition (fun row -> row[0] = 0.0)
        Expect.all gone (Array.forall ((=) 0.0)) "all of a sample's numbers"
        Expect.all kept (Array.forall (fun x -> abs (x - 4.0 / 3.0) < 1e-6)) "scaled"
        // A share of 2000 samples lies within four standard errors of its rate.
        Expect.isLessThan (abs (float gone.Length / 2000.0 - 0.25)) 0.04 "the rate"
    }

    test "rates rise evenly over the stages' layers" {
        let rates =
            List.zip (DropPath.rising 0.5 [ 2; 1; 3 ]) [ 2; 1; 3 ]
            |> List.map (fun (drop, depth) -> [ for index in 0 .. depth - 1 -> DropPath.rate index drop ])

        Expect.equal rates [ [ 0.0; 0.1 ]; [ 0.2 ]; [ 0.1 * 2.0 + 0.1; 0.4; 0.5 ] ] "0 to 0.5"
    }
]

let tests =
    testList "models/windows" [
        for name, size in sizes do
            for shifted in [ false; true ] do
                test $"""{name}{if shifted then ", shifted" else ""}: a token is seen in its window alone""" {
                    let windows = windows shifted size
                    let expected = [ for a in windows -> [ for b in windows -> a = b ] ]
                    Expect.equal (influence shifted size) expected "who sees whom"
                }

        test "partition and join are inverse" {
            use _scope = torch.NewDisposeScope()
            let tokens = random 3 [ 2; 5; 7; 6; channels ]
            let grid = WindowGrid(Size3.create 5 7 6, mixer.Window, true)
            let windows = grid.Partition tokens
            Expect.equal (shape windows) [ 2; 3; 3; 2; 24; channels ] "padded windows"
            Expect.equal (difference tokens (grid.Join windows)) 0.0 "the same tokens"
        }

        yield! dropTests
    ]
