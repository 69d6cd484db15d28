/// Statistics against published worked examples.
module MedSegDsl.Tests.Runtime.Statistics.StatisticsTests

open System
open Expecto
open MedSegDsl.Runtime.Statistics

let private near digits = {
    absolute = 0.5 * 10.0 ** -digits
    relative = 0.0
}

// Cross- and self-fertilised maize, differences of pot pairs in eighths of an inch (Darwin 1876); the worked example in SciPy's
// documentation of scipy.stats.wilcoxon: statistic 24, exact two-sided p 0.041259765625.
let private maize = [|
    6.0
    8.0
    14.0
    16.0
    23.0
    24.0
    28.0
    29.0
    41.0
    -48.0
    49.0
    56.0
    60.0
    -67.0
    75.0
|]

// Hollander & Wolfe 1973, p. 29 (depression scores before and after; in R's documentation of wilcox.test): V = 40, one-sided
// p 0.01953.
let private before = [| 1.83; 0.50; 1.62; 2.48; 1.68; 1.88; 1.55; 3.06; 1.30 |]

let private after = [| 0.878; 0.647; 0.598; 2.05; 1.06; 1.29; 1.06; 3.14; 1.29 |]

let private wilcoxon =
    testList "Wilcoxon signed rank" [
        testCase "Darwin's maize" (fun () ->
            let result = WilcoxonSignedRank.Compare(maize, Array.zeroCreate maize.Length)
            Expect.equal result.NegativeRanks 24.0 "W-"
            Expect.isTrue result.IsExact "no ties"
            Expect.floatClose (near 12.0) result.PValue 0.041259765625 "p")
        testCase "Hollander and Wolfe's depression scores" (fun () ->
            let result = WilcoxonSignedRank.Compare(before, after)
            Expect.equal result.PositiveRanks 40.0 "V"
            Expect.floatClose (near 5.0) (result.PValue / 2.0) 0.01953 "one-sided p")
        // By hand: ranks 1.5 1.5 3 4 5.5 5.5; W- = 1.5; variance 6·7·13/24 − 2·6/48 = 22.5; z = −9/√22.5.
        testCase "ties take the normal approximation" (fun () ->
            let result =
                WilcoxonSignedRank.Compare([| 1.0; -1.0; 2.0; 3.0; 4.0; 4.0; 0.0 |], Array.zeroCreate 7)

            Expect.equal result.Pairs 6 "equal pairs do not enter"
            Expect.equal result.NegativeRanks 1.5 "W-"
            Expect.isFalse result.IsExact "ties"
            Expect.floatClose (near 4.0) result.PValue 0.0578 "p")
        testCase "nothing differs" (fun () ->
            Expect.equal (WilcoxonSignedRank.Compare(before, before).PValue) 1.0 "p")
        testCase "cases that one method lacks do not enter" (fun () ->
            let result = WilcoxonSignedRank.Compare([| 1.0; nan; 3.0 |], [| 0.0; 0.0; nan |])
            Expect.equal result.Pairs 1 "pairs")
    ]

// Four tests with p 0.01, 0.04, 0.03, 0.005: the worked example of Wikipedia's article on the Holm–Bonferroni method, adjusted p
// 0.03, 0.06, 0.06, 0.02.
let private holm =
    testList "Holm" [
        testCase "four tests" (fun () ->
            let adjusted = Holm.Adjust [| 0.01; 0.04; 0.03; 0.005 |]

            for found, expected in Seq.zip adjusted [ 0.03; 0.06; 0.06; 0.02 ] do
                Expect.floatClose (near 12.0) found expected "adjusted p")
        testCase "a test that could not be made does not count" (fun () ->
            let adjusted = Holm.Adjust [| 0.01; nan; 0.04 |]
            Expect.floatClose (near 12.0) adjusted[0] 0.02 "of two tests"
            Expect.isTrue (Double.IsNaN adjusted[1]) "stays missing")
    ]

// Demšar 2006, table 6: AUC of C4.5, with m, with cf, and with both, on 14 data sets.
let private classifiers = [|
    [|
        0.763
        0.599
        0.954
        0.628
        0.882
        0.936
        0.661
        0.583
        0.775
        1.000
        0.940
        0.619
        0.972
        0.957
    |]
    [|
        0.768
        0.591
        0.971
        0.661
        0.888
        0.931
        0.668
        0.583
        0.838
        1.000
        0.962
        0.666
        0.981
        0.978
    |]
    [|
        0.771
        0.590
        0.968
        0.654
        0.886
        0.916
        0.609
        0.563
        0.866
        1.000
        0.965
        0.614
        0.9751
        0.946
    |]
    [|
        0.798
        0.569
        0.967
        0.657
        0.898
        0.931
        0.685
        0.625
        0.875
        1.000
        0.962
        0.669
        0.975
        0.970
    |]
|]

// Hollander & Wolfe 1973, p. 140: three ways of rounding first base, 22 players (in R's documentation of friedman.test):
// chi-squared 11.143, p 0.003805.
let private roundingTimes = [|
    [|
        5.40
        5.85
        5.20
        5.55
        5.90
        5.45
        5.40
        5.45
        5.25
        5.85
        5.25
        5.65
        5.60
        5.05
        5.50
        5.45
        5.55
        5.45
        5.50
        5.65
        5.70
        6.30
    |]
    [|
        5.50
        5.70
        5.60
        5.50
        5.85
        5.55
        5.40
        5.50
        5.15
        5.80
        5.20
        5.55
        5.35
        5.00
        5.50
        5.55
        5.55
        5.50
        5.45
        5.60
        5.65
        6.30
    |]
    [|
        5.55
        5.75
        5.50
        5.40
        5.70
        5.60
        5.35
        5.35
        5.00
        5.70
        5.10
        5.45
        5.45
        4.95
        5.40
        5.50
        5.35
        5.55
        5.25
        5.40
        5.55
        6.25
    |]
|]

let private rankTable (values: float array array) higherIsBetter =
    RankTable.Of(
        [| for method in values -> method :> Collections.Generic.IReadOnlyList<float> |],
        higherIsBetter
    )

let private ranks =
    testList "rank table" [
        testCase "Demšar's four classifiers" (fun () ->
            let table =
                RankTable.Of(
                    [|
                        for method in classifiers -> method :> Collections.Generic.IReadOnlyList<float>
                    |],
                    true
                )

            for found, expected in Seq.zip table.MeanRanks [ 3.143; 2.000; 2.893; 1.964 ] do
                Expect.floatClose (near 3.0) found expected "mean rank"

            Expect.equal table.Cases 14 "data sets"
            Expect.floatClose (near 2.0) (table.CriticalDifference 0.05) 1.25 "critical difference at 0.05"
            Expect.floatClose (near 2.0) (table.CriticalDifference 0.10) 1.12 "critical difference at 0.10")
        testCase "Friedman's test of rounding times" (fun () ->
            let table = rankTable roundingTimes false
            Expect.floatClose (near 3.0) table.ChiSquare 11.143 "chi-squared"
            Expect.floatClose (near 6.0) table.PValue 0.003805 "p")
        // Demšar 2006, table 5(a): q / √2 of Nemenyi's test at 0.05.
        testCase "Nemenyi's quantiles" (fun () ->
            for k, expected in
                [
                    2, 1.960
                    3, 2.343
                    4, 2.569
                    5, 2.728
                    6, 2.850
                    7, 2.949
                    8, 3.031
                    9, 3.102
                    10, 3.164
                ] do
                Expect.floatClose
                    (near 2.7)
                    (StudentizedRange.Quantile(k, 0.95) / sqrt 2.0)
                    expected
                    $"{k} methods")
        testCase "a case that one method lacks does not enter" (fun () ->
            let table = rankTable [| [| 0.9; nan; 0.7 |]; [| 0.8; 0.9; 0.6 |] |] true
            Expect.equal table.Cases 2 "cases"
            Expect.equal (List.ofSeq table.MeanRanks) [ 1.0; 2.0 ] "ranks")
        testCase "short distances rank first" (fun () ->
            let table = rankTable [| [| 3.0; 4.0 |]; [| 1.0; 2.0 |] |] false
            Expect.equal (List.ofSeq table.MeanRanks) [ 2.0; 1.0 ] "ranks")
    ]

let private samples =
    testList "sample" [
        testCase "mean and deviation" (fun () ->
            let sample = Sample.Of [ 2.0; 4.0; 4.0; 4.0; 5.0; 5.0; 7.0; 9.0; nan; infinity ]
            Expect.equal sample.Count 8 "numbers"
            Expect.equal sample.Mean 5.0 "mean"
            Expect.floatClose (near 4.0) sample.Deviation 2.1381 "deviation with n − 1")
        // Efron and Tibshirani, An Introduction to the Bootstrap (1993), table 2.1 (days that seven treated mice survived) and
        // table 13.1: percentiles of 1000 bootstrap means, 2.5 %: 45.9, 5 %: 49.7, 95 %: 126.7, 97.5 %: 135.4. Those of a normal
        // interval would be 37.4 and 136.3. With 1000 draws these percentiles have standard errors of about 2.
        testCase "Efron and Tibshirani's mice" (fun () ->
            let mice = [ 94.0; 197.0; 16.0; 38.0; 99.0; 141.0; 23.0 ]
            let within = { absolute = 4.0; relative = 0.0 }
            let struct (lower, upper) = Bootstrap.OfMean mice
            Expect.floatClose within lower 45.9 "2.5 %"
            Expect.floatClose within upper 135.4 "97.5 %"
            let struct (lower, upper) = Bootstrap.OfMean(mice, 0.9)
            Expect.floatClose within lower 49.7 "5 %"
            Expect.floatClose within upper 126.7 "95 %")
        testCase "an interval holds the mean and follows the normal one" (fun () ->
            let values = [ for i in 1..100 -> float i ]
            let struct (lower, upper) = Bootstrap.OfMean values
            // 50.5 ± 1.96 · 28.866 / 10
            Expect.floatClose (near 0.0) lower 44.84 "lower"
            Expect.floatClose (near 0.0) upper 56.16 "upper"
            Expect.equal (Bootstrap.OfMean values) (struct (lower, upper)) "the same seed, the same interval")
    ]

let tests = testList "statistics" [ wilcoxon; holm; ranks; samples ]
