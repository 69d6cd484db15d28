/// The connections of ranks: values in the order of the ranks, nobody from outside, and word of a rank that is gone.
module MedSegDsl.Tests.Runtime.Distributed.ControlTests

open System
open System.Collections.Concurrent
open System.IO
open System.Net
open System.Net.Sockets
open System.Text
open System.Threading.Tasks
open Expecto
open MedSegDsl.Runtime.Distributed
open MedSegDsl.Runtime.Distributed.Control
open MedSegDsl.Tests.Runtime

let private variables (values: (string * string) list) =
    let values = Map values
    fun name -> Map.tryFind name values |> Option.toObj

let private place rank size = RankPlace(rank, size, rank, "the test")

let private freePort () =
    use listener = new TcpListener(IPAddress.Loopback, 0)
    listener.Start()
    (listener.LocalEndpoint :?> IPEndPoint).Port

let private meeting () =
    MeetingPoint("127.0.0.1", freePort (), Array.init 16 byte)

/// Ranks that have met, and what each was told of lost ones.
let private join size (point: MeetingPoint) =
    let told = [| for _ in 1..size -> new BlockingCollection<struct (int * string)>() |]

    let channels =
        Task.WhenAll [|
            for rank in 0 .. size - 1 ->
                Task.Run(fun () ->
                    ControlChannel.Join(
                        place rank size,
                        point,
                        TimeSpan.FromSeconds 20.0,
                        fun lost why -> told[rank].Add(struct (lost, why))
                    ))
        |]

    channels.Result, told

let private gather (channels: ControlChannel[]) (texts: string list) =
    let all =
        Task.WhenAll [|
            for channel, text in Seq.zip channels texts ->
                Task.Run(fun () -> channel.Gather(ReadOnlyMemory(Encoding.UTF8.GetBytes text)))
        |]

    [
        for parts in all.Result -> [ for part in parts -> Encoding.UTF8.GetString part ]
    ]

let private next (told: BlockingCollection<struct (int * string)>) =
    let mutable found = struct (0, "")

    if told.TryTake(&found, TimeSpan.FromSeconds 10.0) then
        let struct (rank, why) = found
        Some(rank, why)
    else
        None

let tests =
    testList "distributed/control" [
        test "every rank gets the values of all, in order" {
            let channels, _ = join 3 (meeting ())
            let texts = [ "zero"; ""; "two" ]

            for _ in 1..3 do
                Expect.equal (gather channels texts) (List.replicate 3 texts) "all the same"

            for channel in channels do
                channel.Watch.Part()
                channel.Dispose()
        }

        test "strangers and ranks of other trainings are turned away" {
            let point = meeting ()

            let stranger: Task<int> =
                Task.Run(fun () ->
                    let rec call () =
                        match point.TryConnect() with
                        | null -> call ()
                        | socket -> socket

                    use socket = call ()
                    socket.Send(Array.create 21 7uy) |> ignore
                    socket.ReceiveTimeout <- 20000
                    socket.Receive(Array.zeroCreate<byte> 1))

            let rank0: Task<ControlChannel> =
                Task.Run(fun () ->
                    ControlChannel.Join(place 0 2, point, TimeSpan.FromSeconds 20.0, fun _ _ -> ()))

            Expect.equal stranger.Result 0 "the connection was closed"

            use rank1 =
                ControlChannel.Join(place 1 2, point, TimeSpan.FromSeconds 20.0, fun _ _ -> ())

            use rank0 = rank0.Result

            Expect.equal
                (gather [| rank0; rank1 |] [ "a"; "b" ])
                [ [ "a"; "b" ]; [ "a"; "b" ] ]
                "the ranks have met"

            rank0.Watch.Part()
            rank1.Watch.Part()
        }

        test "a rank that ends is noticed by all at once, and calls do not wait for it" {
            let channels, told = join 3 (meeting ())
            let waiting = Task.Run(fun () -> channels[1].Gather(ReadOnlyMemory [| 1uy |]))
            channels[2].Dispose()
            Expect.equal (next told[0]) (Some(2, "has ended")) "rank 0"
            Expect.equal (next told[1]) (Some(2, "has ended")) "rank 1 hears of it"
            channels[1].Interrupt()

            Expect.throws
                (fun () ->
                    try
                        waiting.Wait()
                    with :? AggregateException as cause ->
                        raise cause.InnerExceptions[0])
                "the call that waited"

            channels[0].Dispose()
            channels[1].Dispose()
        }

        test "where rank 0 ends, the others notice" {
            let channels, told = join 3 (meeting ())
            channels[0].Dispose()
            Expect.equal (next told[1]) (Some(0, "has ended")) "rank 1"
            Expect.equal (next told[2]) (Some(0, "has ended")) "rank 2"
            channels[1].Dispose()
            channels[2].Dispose()
        }

        test "ranks that part in order are not missed" {
            let channels, told = join 2 (meeting ())

            for channel in Array.rev channels do
                channel.Watch.Part()
                channel.Dispose()

            Expect.equal (told[0].Count, told[1].Count) (0, 0) "nothing was told"
        }

        test "a rank that does not come is named" {
            TemporaryFolder.expectsLine [ "rank 1 of 2"; "127.0.0.1" ] (fun () ->
                ControlChannel.Join(place 0 2, meeting (), TimeSpan.FromSeconds 0.2, fun _ _ -> ())
                |> ignore)
        }

        test "ranks meet on loopback unless the environment names another host" {
            let point place values =
                MeetingPoint.From(place, variables values)

            let two = place 1 2
            Expect.equal (point two []).Host "127.0.0.1" "loopback"
            Expect.isTrue (point two []).IsLocal "loopback is local"
            let slurm = [ "SLURM_JOB_ID", "77"; "SLURM_STEP_ID", "0"; "SLURM_NNODES", "2" ]

            TemporaryFolder.expectsLine [ "MASTER_ADDR"; "2 machines" ] (fun () -> point two slurm |> ignore)
            let job = point two (("SLURM_JOB_NODELIST", "gpu[03-07,9],login") :: slurm)
            Expect.equal (job.Host, job.IsLocal) ("gpu03", false) "the job's first machine"

            let step =
                point
                    two
                    (("SLURM_STEP_NODELIST", "gpu05,gpu07")
                     :: ("SLURM_JOB_NODELIST", "gpu[03-07]")
                     :: slurm)

            Expect.equal step.Host "gpu05" "the step's first machine, where task 0 is"

            let one =
                point two (("SLURM_STEP_NUM_NODES", "1") :: ("SLURM_STEP_NODELIST", "gpu05") :: slurm)

            Expect.isTrue one.IsLocal "a step on one machine of two"

            let named = point two (("MASTER_ADDR", "node7") :: slurm)
            Expect.equal named.Host "node7" "the named host"
            Expect.isFalse named.IsLocal "which is not this machine alone"
            let other = point two [ "SLURM_JOB_ID", "78"; "SLURM_STEP_ID", "0" ]
            Expect.notEqual (named.Port, named.Token) (other.Port, other.Token) "jobs have ports of their own"
            Expect.equal (point two [ "MASTER_PORT", "4711" ]).Port 4711 "the named port"
        }

        test "the first machine of Slurm's lists" {
            for list, first in
                [
                    "node", "node"
                    "a,b", "a"
                    "gpu[003-010,12]", "gpu003"
                    "gpu[7],x", "gpu7"
                    "rack[1-2]node[05,09]-ib", "rack1node05-ib"
                ] do
                Expect.equal (SlurmNodes.First list) first list
        }

        test "where rank 0 does not wait, the others have a line of their own" {
            let point = meeting ()

            let early: Task<ControlChannel> =
                Task.Run(fun () ->
                    ControlChannel.Join(place 1 3, point, TimeSpan.FromSeconds 20.0, fun _ _ -> ()))

            TemporaryFolder.expectsLine [ "rank 2 of 3" ] (fun () ->
                ControlChannel.Join(place 0 3, point, TimeSpan.FromSeconds 2.0, fun _ _ -> ())
                |> ignore)

            TemporaryFolder.expectsLine [ "rank 1"; "parted before all had come" ] (fun () ->
                early.GetAwaiter().GetResult() |> ignore)
        }

        test "--gpus gives each process one of the GPUs that this one sees" {
            let variables rank visible =
                LocalRanks.Variables(rank, 2, 5000, "secret", visible)

            let values = variables 1 null
            Expect.equal (values["CUDA_VISIBLE_DEVICES"]) "1" "all are seen"
            let some = variables 1 "5,7"
            Expect.equal (some["CUDA_VISIBLE_DEVICES"]) "7" "some are seen"

            let place =
                RankPlace.From(fun name ->
                    match values.TryGetValue name with
                    | true, value -> value
                    | _ -> null)

            Expect.equal (place.Rank, place.Size, place.LocalRank) (1, 2, 1) "its place"
            TemporaryFolder.expectsLine [ "--gpus 2"; "sees 0"; "mpirun" ] (fun () -> LocalRanks.Check(2, 0))
        }
    ]
