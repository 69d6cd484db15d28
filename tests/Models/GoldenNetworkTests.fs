/// The networks against the published implementations (tests/golden/README.md): one test for each manifest.
module MedSegDsl.Tests.Models.GoldenNetworkTests

open System.IO
open System.Text.Json
open Expecto
open MedSegDsl
open MedSegDsl.Models
open MedSegDsl.Tests.Golden
open MedSegDsl.Tests.Kernels.CudaTensors
open TorchSharp

/// Relative to the root mean square of an output.
let private outputTolerance = 1e-3

/// Relative to the norm of a gradient.
let private gradientTolerance = 1e-2

/// A single sample of a gradient against its norm: what the golden README leaves open, since rounding hits one number harder.
let private gradientSampleTolerance = 5e-2

/// What float32 may be off by, in tolerances, where the network's maps in double precision are off by `exact` at most: then its
/// weights blow rounding up, and it is right.
let private rounding, exact = 5.0, 0.05

/// Gradients whose norm is below this share of the largest one are rounding.
let private negligible = 1e-6

let private shapeOf (element: JsonElement) =
    Expectations.intList (element.GetProperty "shape")

let private parameters (manifest: JsonElement) = [
    for p in manifest.GetProperty("parameters").EnumerateObject() -> p.Name, p.Value
]

let private has (name: string) (element: JsonElement) = element.TryGetProperty name |> fst

let private tensor (values: float32[]) (shape: int list) : torch.Tensor =
    let flat: torch.Tensor = torch.tensor values
    flat.reshape [| for n in shape -> int64 n |]

/// Puts the formula's values into every trainable parameter; buffers keep their initial values.
let private fill (key: string) manifest (network: SegmentationNetwork) =
    use _scope = torch.NewDisposeScope()
    use _noGrad = torch.no_grad ()
    let state = network.state_dict ()

    for name, parameter in parameters manifest do
        if not (has "kind" parameter) then
            let shape = shapeOf parameter

            let number (field: string) =
                parameter.GetProperty(field).GetDouble()

            let middle, width = number "base", number "amp"

            let values =
                Formula.unitMapped (fun u -> middle + width * u) $"{key}/{name}" (Formula.count shape)

            state[name].copy_(tensor values shape) |> ignore

/// What manifests record of a tensor: some of its numbers, and of all of them norm, mean and standard deviation.
type private Figures = {
    Samples: float[]
    Norm: float
    Mean: float
    Deviation: float
}

/// The figures of a tensor's numbers in a row, every so many of them as samples. Taken where the tensor is: the largest
/// parameters are not worth a second copy here.
let private figures (stride: int) (tensor: torch.Tensor) =
    use _scope = torch.NewDisposeScope()
    use _noGrad = torch.no_grad ()

    let numbers: torch.Tensor =
        tensor.detach().cpu().``to``(torch.ScalarType.Float64).flatten()

    let samples = numbers[torch.TensorIndex.Slice(step = System.Nullable(int64 stride))]

    {
        Samples = samples.contiguous().data<float>().ToArray()
        Norm = numbers.norm().ToDouble()
        Mean = numbers.mean().ToDouble()
        Deviation = numbers.std(unbiased = false).ToDouble()
    }

let private strideOf (expected: JsonElement) =
    expected.GetProperty("stride").GetInt32()

/// The largest difference between the samples and what was recorded.
let private sampleError (expected: JsonElement) (actual: Figures) name =
    let samples = Expectations.numbers (expected.GetProperty "samples")
    Expect.isNonEmpty samples $"{name}: samples"
    samples |> Array.mapi (fun i s -> abs (actual.Samples[i] - s)) |> Array.max

let private checkNames manifest (network: SegmentationNetwork) =
    let published = Map [ for name, p in parameters manifest -> name, shapeOf p ]
    let state = network.state_dict ()

    let own =
        Map [ for name in state.Keys -> name, [ for n in state[name].shape -> int n ] ]

    Expect.equal own published "names and shapes of the state dict"

    Expect.equal
        network.ParameterCount
        (manifest.GetProperty("parameter_count").GetInt64())
        "trainable parameters"

/// Mean and standard deviation of a parameter's start against one draw of the published start: two draws of the same
/// distribution differ by a few standard errors.
let private checkStarts manifest (network: SegmentationNetwork) =
    let state = network.state_dict ()

    for name, parameter in parameters manifest do
        let count = Formula.count (shapeOf parameter)

        if has "init" parameter && count >= 16 then
            let published = Expectations.numbers (parameter.GetProperty "init")
            let own = figures count state[name]
            let error = 6.0 * max own.Deviation published[1] / sqrt (float count) + 1e-6
            Expect.isLessThan (abs (own.Mean - published[0])) (1.5 * error) $"{name}: mean at the start"
            Expect.isLessThan (abs (own.Deviation - published[1])) error $"{name}: deviation at the start"

/// The errors of the maps against the recorded ones, in tolerances, each with its name.
let private outputErrors (manifest: JsonElement) (outputs: torch.Tensor seq) =
    let expected = [ for o in manifest.GetProperty("outputs").EnumerateArray() -> o ]
    let outputs: torch.Tensor list = List.ofSeq outputs

    Expect.equal
        (outputs |> List.map (fun o -> [ for n in o.shape -> int n ]))
        (List.map shapeOf expected)
        "shapes of the maps"

    [
        for i, (expected, output) in List.indexed (List.zip expected outputs) do
            let actual = figures (strideOf expected) output
            let recorded (field: string) = expected.GetProperty(field).GetDouble()
            let rms = recorded "norm" / sqrt (float (Formula.count (shapeOf expected)))
            $"map {i}: samples / rms", sampleError expected actual $"map {i}" / rms / outputTolerance
            $"map {i}: norm", abs (actual.Norm - recorded "norm") / recorded "norm" / outputTolerance
            $"map {i}: mean / rms", abs (actual.Mean - recorded "mean") / rms / outputTolerance
    ]

let private loss (key: string) (outputs: torch.Tensor seq) =
    outputs
    |> Seq.mapi (fun i output ->
        let shape = [ for n in output.shape -> int n ]

        let weights =
            tensor (Formula.unitSingle $"{key}/loss{i}" (Formula.count shape)) shape

        let weighted: torch.Tensor = output * weights.``to`` output.device

        weighted.mean ())
    |> Seq.reduce (fun a b -> a + b)

/// The loss is a mean of numbers that cancel: what it may be off by is a share of what such a mean is wide.
let private lossError (manifest: JsonElement) (actual: float) =
    let widths = [
        for output in manifest.GetProperty("outputs").EnumerateArray() ->
            output.GetProperty("norm").GetDouble() / float (Formula.count (shapeOf output))
    ]

    let error = abs (actual - manifest.GetProperty("loss").GetDouble())
    "loss", error / List.sum widths / outputTolerance

/// The errors of the gradients against the recorded ones, in tolerances, each with its name.
let private gradientErrors manifest (network: SegmentationNetwork) =
    let gradients =
        Map [ for struct (name, p) in network.named_parameters () -> name, p.grad ]

    let expected = [
        for name, p in parameters manifest do
            if has "grad" p then
                name, p.GetProperty "grad"
    ]

    let recorded (gradient: JsonElement) =
        gradient.GetProperty("norm").GetDouble()

    let largest =
        expected
        |> List.choose (fun (_, g) ->
            if g.ValueKind = JsonValueKind.Null then
                None
            else
                Some(recorded g))
        |> List.max

    [
        for name, expected in expected do
            match gradients[name] with
            | null -> Expect.equal expected.ValueKind JsonValueKind.Null $"{name}: has no gradient"
            | _ when expected.ValueKind = JsonValueKind.Null ->
                failtest $"{name}: has a gradient though it is never used"
            | gradient when recorded expected > negligible * largest ->
                let actual = figures (strideOf expected) gradient
                let scale = recorded expected
                let error = sampleError expected actual $"{name}: gradient"
                $"{name}: gradient norm", abs (actual.Norm - scale) / scale / gradientTolerance
                $"{name}: gradient samples / norm", error / scale / gradientSampleTolerance
            | _ -> ()
    ]

let private build (manifest: JsonElement) (definition: Network) : SegmentationNetwork =
    let number (field: string) = manifest.GetProperty(field).GetInt32()

    NetworkBuilder.Build(
        definition |> withInitialisation Initialisation.AsPublished,
        number "in_channels",
        number "classes",
        PublishedNetworks.patch manifest
    )

let private key (manifest: JsonElement) =
    manifest.GetProperty("key").GetString() |> string

let private input (manifest: JsonElement) : torch.Tensor =
    let shape = shapeOf (manifest.GetProperty "input")
    tensor (Formula.unitSingle $"{key manifest}/input" (Formula.count shape)) shape

/// Whether a network gives the recorded final map: tells apart what has the same parameters.
let private givesFinalMap (manifest: JsonElement) (definition: Network) =
    use _scope = torch.NewDisposeScope()
    use _noGrad = torch.no_grad ()
    use network = build manifest definition
    network.eval ()
    fill (key manifest) manifest network
    let expected = manifest.GetProperty("outputs")[0]
    let map: torch.Tensor = network.Predict(input manifest)
    let actual = figures (strideOf expected) map

    let rms =
        expected.GetProperty("norm").GetDouble()
        / sqrt (float (Formula.count (shapeOf expected)))

    sampleError expected actual "final map" / rms < rounding * outputTolerance

let private errors (device: torch.Device) (manifest: JsonElement) definition =
    use _scope = torch.NewDisposeScope()
    use network = build manifest definition
    network.eval ()
    fill (key manifest) manifest network
    network.``to`` device |> ignore
    let outputs = network.call ((input manifest).``to`` device)
    let ofOutputs = outputErrors manifest outputs
    let loss = loss (key manifest) outputs
    loss.backward ()

    ofOutputs
    @ [ lossError manifest (loss.ToDouble()) ]
    @ gradientErrors manifest network

/// The errors of the maps in double precision, on the CPU.
let private exactErrors (manifest: JsonElement) definition =
    use _scope = torch.NewDisposeScope()
    use _noGrad = torch.no_grad ()
    use network = build manifest definition
    network.eval ()
    fill (key manifest) manifest network
    network.``to`` torch.ScalarType.Float64 |> ignore
    outputErrors manifest (network.call ((input manifest).``to`` torch.ScalarType.Float64))

let private check (device: Lazy<torch.Device>) (file: string) (candidates: Network list) =
    let manifest = Folder.read file

    let definition =
        match candidates with
        | [ only ] -> only
        | several ->
            several
            |> List.tryFind (givesFinalMap manifest)
            |> Option.defaultWith (fun () ->
                failtest $"none of {several.Length} sizes gives the recorded map")

    use network = build manifest definition
    checkNames manifest network
    checkStarts manifest network
    let found = errors device.Value manifest definition

    let tolerance =
        if found |> List.forall (fun (_, error) -> error < 1.0) then
            1.0
        else
            for name, error in exactErrors manifest definition do
                Expect.isLessThan error exact $"{name}, in double precision, in tolerances"

            rounding

    for name, error in found do
        Expect.isLessThan error tolerance $"{name}, in tolerances"

let private testsOn (test: string -> (unit -> unit) -> Test) device : Test list = [
    for file in Folder.manifests [ "networks" ] do
        let manifest = Folder.read file
        let network = manifest.GetProperty("network").GetString() |> string
        let name = Path.GetFileName file |> string

        match PublishedNetworks.candidates manifest with
        | [] -> ptestCase $"{name} ({network} is not in the catalogue)" ignore
        | candidates -> test name (fun () -> check device file candidates)
]

let tests =
    testList "golden/networks" [
        yield! testsOn testCase (lazy torch.CPU)
        testList "on a GPU" (testsOn gpuTest gpu)
    ]
