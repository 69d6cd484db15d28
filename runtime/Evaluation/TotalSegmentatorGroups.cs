namespace MedSegDsl.Runtime.Evaluation;

/// <summary>
/// TotalSegmentator's groups of classes by their names (totalsegmentator/map_to_binary.py): five of CT, two of MR.
/// </summary>
public static class TotalSegmentatorGroups
{
    private const string Rest = "organs";

    /// <summary>The first words of the names of CT's groups; what matches none is an organ.</summary>
    private static readonly (string Group, string[] Names)[] Ct =
    [
        ("vertebrae", ["sacrum", "vertebrae"]),
        ("cardiac",
        [
            "heart", "aorta", "pulmonary_vein", "brachiocephalic", "subclavian_artery", "common_carotid_artery",
            "atrial_appendage", "superior_vena_cava", "inferior_vena_cava", "portal_vein", "iliac",
        ]),
        ("muscles",
        [
            "humerus", "scapula", "clavicula", "femur", "hip", "spinal_cord", "gluteus", "autochthon", "iliopsoas", "brain", "skull",
        ]),
        ("ribs", ["rib", "sternum", "costal_cartilages"]),
    ];

    /// <summary>MR has one class of all vertebrae, and counts vessels and spine as organs.</summary>
    private static readonly (string Group, string[] Names)[] Mr =
    [
        ("muscles",
        [
            "humerus", "scapula", "clavicula", "fibula", "tibia", "femur", "hip", "gluteus", "autochthon", "iliopsoas",
            "quadriceps_femoris", "thigh", "sartorius", "brain",
        ]),
    ];

    /// <summary>The groups that have classes, organs first.</summary>
    /// <param name="classes">Names of the dataset's classes.</param>
    public static IReadOnlyList<ClassGroup> Of(IReadOnlyList<string> classes)
    {
        var groups = classes.Contains("vertebrae") ? Mr : Ct;
        var members = classes.ToLookup(name => groups
            .FirstOrDefault(group => group.Names.Any(first => name == first || name.StartsWith(first + "_", StringComparison.Ordinal)))
            .Group ?? Rest);
        return
        [
            .. groups.Select(group => group.Group).Prepend(Rest)
                .Where(members.Contains).Select(group => new ClassGroup(group, [.. members[group]])),
        ];
    }
}
