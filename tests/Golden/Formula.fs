/// The formula that stands for every weight and input of the golden data (tests/golden/README.md).
module MedSegDsl.Tests.Golden.Formula

open System.Text

let private hash (key: string) =
    let mutable h = 0xcbf29ce484222325UL

    for b in Encoding.UTF8.GetBytes key do
        h <- (h ^^^ uint64 b) * 0x100000001b3UL

    h

/// Number i (from 0) of the key's sequence, in [-1, 1): exact in float32.
let private at (h: uint64) (i: int) =
    let z = h + uint64 (i + 1) * 0x9E3779B97F4A7C15UL
    let z = (z ^^^ (z >>> 30)) * 0xBF58476D1CE4E5B9UL
    let z = (z ^^^ (z >>> 27)) * 0x94D049BB133111EBUL
    let z = z ^^^ (z >>> 31)
    float (z >>> 40) * 2.0 / 16777216.0 - 1.0

/// n numbers in [-1, 1): `unit(key, n)` of the golden README, `u(key, n)` of the pipeline's.
let unit (key: string) (n: int) : float[] =
    let h = hash key
    Array.init n (at h)

/// A function of each of these numbers, in float32.
let unitMapped (change: float -> float) (key: string) (n: int) : float32[] =
    let h = hash key
    Array.init n (fun i -> float32 (change (at h i)))

/// The same numbers in float32.
let unitSingle key n : float32[] = unitMapped id key n

let count (shape: int list) = List.fold (*) 1 shape

/// `labels(key, shape, n)`: integers 0 … n − 1.
let labels key shape n : int[] =
    unit key (count shape)
    |> Array.map (fun u -> int (floor ((u + 1.0) * 0.5 * float n)))

/// `blobs(key, shape, n, block)`: labels on a coarse grid, every coarse voxel repeated `block` times along each axis.
let blobs key (shape: int list) n (block: int list) : int[] =
    let coarse = List.map2 (fun s b -> (s + b - 1) / b) shape block
    let values = labels key coarse n

    let rec place index shape block coarse =
        match shape, block, coarse with
        | s :: shape, b :: block, c :: coarse ->
            Array.concat [| for i in 0 .. s - 1 -> place (index * c + i / b) shape block coarse |]
        | _ -> [| values[index] |]

    place 0 shape block coarse
