/// The operators as plain loops in double precision, written from their definitions and sharing nothing with the kernels.
module MedSegDsl.Tests.Kernels.Reference

open MedSegDsl.Kernels

/// A reading order by name: the path under test, and the axes and direction that it stands for.
[<NoComparison; NoEquality>]
type Order = {
    Name: string
    Path: int -> int -> int -> ScanPath
    /// The coordinates (d, h, w) of all tokens in visiting order; none for a random order.
    Visit: (int -> int -> int -> (int * int * int) list) option
}

let private dhw d h w = [
    for i in 0 .. d - 1 do
        for j in 0 .. h - 1 do
            for k in 0 .. w - 1 -> i, j, k
]

let private dwh d h w = [
    for i in 0 .. d - 1 do
        for k in 0 .. w - 1 do
            for j in 0 .. h - 1 -> i, j, k
]

let private hwd d h w = [
    for j in 0 .. h - 1 do
        for k in 0 .. w - 1 do
            for i in 0 .. d - 1 -> i, j, k
]

let private reversed visit d h w = List.rev (visit d h w)

let orders =
    let order name (path: int * int * int -> ScanPath) visit = {
        Name = name
        Path = fun d h w -> path (d, h, w)
        Visit = visit
    }

    [
        order "forward" ScanPath.Forward (Some dhw)
        order "backward" ScanPath.Backward (Some(reversed dhw))
        order "up-down" ScanPath.UpDown (Some dwh)
        order "up-down reversed" ScanPath.UpDownReversed (Some(reversed dwh))
        order "front-back" ScanPath.FrontBack (Some hwd)
        order "front-back reversed" ScanPath.FrontBackReversed (Some(reversed hwd))
        order "random" (fun (d, h, w) -> ScanPath.Random(d, h, w, 7)) None
    ]

/// The tokens' row-major numbers in visiting order. A random order is the path's own.
let tokens (order: Order) d h w =
    match order.Visit with
    | Some visit -> visit d h w |> List.map (fun (i, j, k) -> (i * h + j) * w + k) |> Array.ofList
    | None -> (order.Path d h w).Order.ToArray()

/// As `tokens`, with a random order counted as forward.
let tokensUnshuffled (order: Order) d h w =
    match order.Visit with
    | Some _ -> tokens order d h w
    | None -> Array.init (d * h * w) id

/// The numbers of a scan: batch, segments, tokens, channels, states.
type ScanSize = {
    B: int
    S: int
    L: int
    D: int
    N: int
}

/// The selective scan: arrays in row-major (B, S, L, D), (D, N), (B, S, L, N), (D), (B, L, D).
let scan
    size
    (order: int[])
    softplus
    (u: float[])
    (delta: float[])
    (a: float[])
    (b: float[])
    (c: float[])
    skip
    gate
    bias
    =
    let y = Array.zeroCreate<float> u.Length

    for batch in 0 .. size.B - 1 do
        for channel in 0 .. size.D - 1 do
            let h = Array.zeroCreate<float> size.N

            for segment in 0 .. size.S - 1 do
                for token in order do
                    let place = (batch * size.S + segment) * size.L + token
                    let at = place * size.D + channel

                    let step =
                        delta[at]
                        + (bias |> Option.map (fun (v: float[]) -> v[channel]) |> Option.defaultValue 0.0)

                    let dt = if softplus then log (1.0 + exp step) else step
                    let mutable sum = 0.0

                    for n in 0 .. size.N - 1 do
                        h[n] <- exp (dt * a[channel * size.N + n]) * h[n] + dt * u[at] * b[place * size.N + n]
                        sum <- sum + h[n] * c[place * size.N + n]

                    let skipped =
                        skip
                        |> Option.map (fun (v: float[]) -> v[channel] * u[at])
                        |> Option.defaultValue 0.0

                    let gated =
                        gate
                        |> Option.map (fun (v: float[]) -> v[(batch * size.L + token) * size.D + channel])
                        |> Option.map (fun z -> z / (1.0 + exp -z))
                        |> Option.defaultValue 1.0

                    y[at] <- (sum + skipped) * gated

    y

/// The depthwise convolution of (B, D, H, W, C) with kernels (C, k, k, k): the volume is read into the axes' order and
/// direction, convolved there with zero padding, and put back.
let convolve3d
    (order: Order)
    (batches, d, h, w, channels)
    k
    (x: float[])
    (weight: float[])
    (bias: float[] option)
    =
    // Sizes and coordinates in the permuted volume follow from the visiting order of the tokens alone.
    let visited = tokensUnshuffled order d h w

    let sizes =
        match order.Name with
        | "up-down"
        | "up-down reversed" -> d, w, h
        | "front-back"
        | "front-back reversed" -> h, w, d
        | _ -> d, h, w

    let n0, n1, n2 = sizes
    let half = k / 2
    let y = Array.zeroCreate<float> x.Length

    for batch in 0 .. batches - 1 do
        for channel in 0 .. channels - 1 do
            let at place =
                (batch * d * h * w + visited[place]) * channels + channel

            for p in 0 .. n0 - 1 do
                for q in 0 .. n1 - 1 do
                    for r in 0 .. n2 - 1 do
                        let mutable sum =
                            bias |> Option.map (fun v -> v[channel]) |> Option.defaultValue 0.0

                        for i in 0 .. k - 1 do
                            for j in 0 .. k - 1 do
                                for l in 0 .. k - 1 do
                                    let p', q', r' = p + i - half, q + j - half, r + l - half

                                    if p' >= 0 && p' < n0 && q' >= 0 && q' < n1 && r' >= 0 && r' < n2 then
                                        sum <-
                                            sum
                                            + x[at ((p' * n1 + q') * n2 + r')]
                                              * weight[((channel * k + i) * k + j) * k + l]

                        y[at ((p * n1 + q) * n2 + r)] <- sum

    y

/// The causal convolution of (B, L, C) with kernels (C, k) along the visiting order.
let convolveCausal
    (order: int[])
    (batches, length, channels)
    k
    (x: float[])
    (weight: float[])
    (bias: float[] option)
    =
    let y = Array.zeroCreate<float> x.Length

    for batch in 0 .. batches - 1 do
        for channel in 0 .. channels - 1 do
            let at i =
                (batch * length + order[i]) * channels + channel

            for i in 0 .. length - 1 do
                let mutable sum =
                    bias |> Option.map (fun v -> v[channel]) |> Option.defaultValue 0.0

                for j in 0 .. k - 1 do
                    let source = i - (k - 1) + j

                    if source >= 0 then
                        sum <- sum + x[at source] * weight[channel * k + j]

                y[at i] <- sum

    y
