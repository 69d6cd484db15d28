module MedSegDsl.Tests.Runtime.LegacyRandomTests

open System.Text.Json
open Expecto
open MedSegDsl.Runtime.Planning
open MedSegDsl.Tests.Golden

let private golden =
    testList "golden/random numbers" [
        for entry in Folder.entries [ "pipeline"; "unit"; "rng.json" ] "cases" do
            let seed = entry.GetProperty("seed").GetUInt32()

            let has name (check: LegacyRandom -> JsonElement -> unit) = test $"seed {seed}/{name}" {
                check (LegacyRandom seed) (entry.GetProperty(name: string))
            }

            has "raw_uint32" (fun random expected ->
                for e in expected.EnumerateArray() do
                    Expect.equal (random.NextUInt32()) (e.GetUInt32()) "output")

            has "random_double" (fun random expected ->
                for e in Expectations.numbers expected do
                    Expect.equal (random.NextDouble()) e "double")

            has "shuffle_17" (fun random expected ->
                let entries = Array.init 17 id
                random.Shuffle(System.Span<int> entries)
                Expect.equal entries (Expectations.ints expected) "shuffled")

            has "permutation_40" (fun random expected ->
                Expect.equal (random.Permutation 40) (Expectations.ints expected) "permutation")

            has "choice_100_take_12_no_replace" (fun random expected ->
                Expect.equal
                    (random.ChooseDistinct(100, 12))
                    (Expectations.ints expected)
                    "without replacement")

            has "choice_1000_take_12_replace" (fun random expected ->
                Expect.equal (random.Choose(1000, 12)) (Expectations.ints expected) "with replacement")

            has "choice_float_array" (fun random expected ->
                let drawn = random.Choose(100, 6) |> Array.map (fun i -> float (100 + i))
                Expect.equal drawn (Expectations.numbers expected) "with replacement")
    ]

let private config = {
    FsCheckConfig.defaultConfig with
        maxTest = 200
}

let tests =
    testList "" [
        golden
        testPropertyWithConfig
            config
            "runtime/random/counting is drawing"
            (fun (seed: uint32) (n: uint16) (k: uint16) (skip: byte) ->
                let n = int n % 3000 + 1
                let k = int k % 5000
                let drawn, counted = LegacyRandom seed, LegacyRandom seed

                for random in [ drawn; counted ] do
                    for _ in 1 .. int skip do
                        random.NextUInt32() |> ignore

                let counts = Array.zeroCreate n

                for i in drawn.Choose(n, k) do
                    counts[i] <- counts[i] + 1

                Expect.equal (counted.CountChosen(n, int64 k)) counts "the same numbers"
                Expect.equal (counted.NextUInt32()) (drawn.NextUInt32()) "the same outputs used")
        testPropertyWithConfig
            config
            "runtime/random/distinct choices are the start of a permutation"
            (fun (seed: uint32) (n: uint16) (k: uint16) ->
                let n = int n % 3000 + 1
                let k = int k % (n + 1)
                let chosen, permuted = LegacyRandom seed, LegacyRandom seed

                Expect.equal
                    (chosen.ChooseDistinct(n, k))
                    (Array.take k (permuted.Permutation n))
                    "the same numbers"

                Expect.equal (chosen.NextUInt32()) (permuted.NextUInt32()) "the same outputs used")
    ]
