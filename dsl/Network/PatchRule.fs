namespace MedSegDsl

/// Which patch sizes a network takes.
type PatchRule = {
    /// What each axis must be a multiple of.
    Multiple: Size3
    /// Whether another patch is rounded up, as the network's published trainer does; else it is refused.
    RoundsUp: bool
} with

    /// `multiples of 16×32×32`, or `any size`
    override rule.ToString() =
        let kind =
            if rule.RoundsUp then
                ", to which other patches are rounded up"
            else
                ""

        if rule.Multiple = Size3.cube 1 then
            "any size"
        else
            $"multiples of {rule.Multiple}{kind}"

[<RequireQualifiedAccess>]
module PatchRule =
    /// Other patches are refused.
    let refuse multiple = {
        Multiple = multiple
        RoundsUp = false
    }

    /// Other patches are rounded up.
    let roundUp multiple = { Multiple = multiple; RoundsUp = true }

    /// The smallest patch that the rule takes and that is not smaller than this one.
    let fit (patch: Size3) (rule: PatchRule) =
        Size3.map2 (fun n multiple -> (n + multiple - 1) / multiple * multiple) patch rule.Multiple
